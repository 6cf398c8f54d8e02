"""The predictions of every customer as one SELECT, with the columns of a scoring run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.ml.in_sql.computed_columns import ComputedColumns
from loyalty_core.ml.in_sql.graph import read_graph
from loyalty_core.ml.in_sql.inputs import Inputs, read_inputs
from loyalty_core.ml.in_sql.network import add_network
from loyalty_core.ml.tasks import TASKS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.ml.bundles import Bundle
    from loyalty_core.settings import Settings
    from loyalty_core.warehouse.dialects import Dialect

Element = sa.ColumnElement[Any]

_EXCLUDED = "excluded"


@dataclass(frozen=True)
class ModelsInSql:
    """The models of a version over a relation with the columns of `features` (feature → column)."""

    bundle: Bundle
    features: Mapping[str, str]
    settings: Settings
    dialect: Dialect

    def inputs(self, source: sa.FromClause) -> Inputs:
        """What the models read, over `source`."""
        return read_inputs(self.bundle.contract, self.features, source, self.dialect)

    def select(self, source: sa.FromClause, others: Mapping[str, Element], known: sa.ColumnElement[bool]) -> sa.Select:
        """`others`, computed over `source`, then the columns of every model, for the rows that are `known`.

        A customer with a value that cannot be used gets no model's answer. Raises `NotInSql`.
        """
        inputs, bundle = self.inputs(source), self.bundle
        given = {**others, **inputs.given, _EXCLUDED: _as_number(sa.or_(sa.false(), *inputs.excluded.values()))}
        columns = ComputedColumns(self.dialect, given)
        scaled = inputs.scaled(columns, bundle.scaler)
        outputs: dict[str, list[str]] = {}
        for name in TASKS:
            if bundle.has(name):
                columns.begin_above()
                made = add_network(columns, read_graph(bundle.require(name).content), scaled, name)
                outputs[name] = [f"{name}_output_{place}" for place in range(len(made))]
                for column, number in zip(outputs[name], made, strict=True):
                    columns.add(column, number)
        first = sa.select(*(one.label(name) for name, one in given.items())).select_from(source).where(known)
        read = [*others, _EXCLUDED, *(column for every in outputs.values() for column in every)]
        last = columns.select_from(first, read)
        is_answered = last.c[_EXCLUDED] == 0
        answers = {
            column: sa.case((is_answered, one)).label(column)
            for name, every in outputs.items()
            for column, one in TASKS[name]
            .sql_columns([last.c[column] for column in every], bundle.offers(name), self.settings)
            .items()
        }
        return sa.select(*(last.c[name] for name in others), *answers.values())


def _as_number(condition: sa.ColumnElement[bool]) -> Element:
    return sa.case((condition, 1), else_=0)
