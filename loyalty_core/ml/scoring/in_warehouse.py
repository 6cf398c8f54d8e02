"""Scoring inside the warehouse: one statement computes every customer's predictions where the data is.

Before anything is replaced, a sample is computed both by the warehouse and by LiteRT, and has to agree.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from loyalty_core.errors import LoyaltyError, QueryTimeout
from loyalty_core.ml.bundles import Bundle
from loyalty_core.ml.features import as_arrow
from loyalty_core.ml.in_sql import ModelsInSql, NotInSql
from loyalty_core.ml.scoring.batch import NO_ID, ArmsScorer, BatchScorer, extremes_of
from loyalty_core.ml.tasks import TASKS
from loyalty_core.rfm import score_columns
from loyalty_core.warehouse.customers import unrounded
from loyalty_core.warehouse.predictions import CUSTOMER_ID, DATA_STATE, sql_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.ml.scoring.tally import Tally
    from loyalty_core.warehouse import Warehouse
    from loyalty_core.warehouse.predictions import Destination

TOLERANCE = 1e-5
_SAMPLE_ROWS = 1_000
# Begins the names of the columns of a sample from which its predictions are computed.
_READ = "read_"
_OF_RUN = frozenset({CUSTOMER_ID, "model_version", "scored_at", DATA_STATE})


def score_in_warehouse(
    warehouse: Warehouse,
    scorer: BatchScorer | ArmsScorer,
    target: Destination,
    tally: Tally,
    report: Callable[[], None],
) -> str:
    """Fill the target and count in `tally`; returns a sentence on how far a sample is from LiteRT.

    Raises `NotInSql` when the models cannot be written as SQL, when the target is no table of the warehouse, and when
    the sample differs from LiteRT by more than `TOLERANCE`.
    """
    if not warehouse.dialect.computes_networks:
        raise NotInSql(
            f"{warehouse.dialect.title} cannot compute models.",
            "It writes a subquery out again wherever one of its columns is read, which no network is small enough for.",
        )
    if target.fill is None and not warehouse.dialect.is_embedded:
        raise NotInSql("The predictions cannot be stored in the warehouse.", target.remark)
    run = _Run(warehouse, _only_version(scorer))
    schema, compared = run.compare_sample()
    tally.add_reasons(*run.blanks_and_failures())
    report()
    statement = run.statement(schema)
    if target.fill is None:
        _copy(warehouse, statement, schema, target, run.version, tally, report)
    else:
        scores = [task.score_column for task in TASKS.values() if task.score_column in schema.names]
        with target.fill(schema, statement) as ask:
            ((customers, *extremes),) = ask(lambda rows: _rows_and_extremes(rows, scores))
            pairs = dict(zip(scores, zip(extremes[::2], extremes[1::2], strict=True), strict=True))
            found = {(run.version, name): pair for name, pair in pairs.items() if pair[0] is not None}
            tally.add_rows(run.version, customers, found)
            tally.require_customers()
        report()
    return compared


def _only_version(scorer: BatchScorer | ArmsScorer) -> BatchScorer:
    if isinstance(scorer, ArmsScorer):
        raise NotInSql(
            "An A/B test is running, in which each customer is scored by the version of their arm.",
            "Inside the warehouse, one version scores every customer.",
        )
    if scorer.models.is_mock:
        raise NotInSql("Mock predictions are not made by a network, and are computed outside the warehouse.")
    return scorer


def _copy(
    warehouse: Warehouse,
    statement: sa.Select,
    schema: pa.Schema,
    target: Destination,
    version: str,
    tally: Tally,
    report: Callable[[], None],
) -> None:
    """Write what an embedded database computes, in this process, to the file that it reads predictions from."""
    with target.open(schema) as write:
        for batch in warehouse.stream_arrow(statement):
            rows = pa.RecordBatch.from_arrays(
                [batch.column(field.name).cast(field.type) for field in schema], schema=schema
            )
            write(rows)
            columns = dict(zip(schema.names, rows.columns, strict=True))
            tally.add_rows(version, rows.num_rows, extremes_of(version, columns))
            report()
        tally.require_customers()


def _rows_and_extremes(rows: sa.FromClause, scores: list[str]) -> sa.Select:
    extremes = (extreme(rows.c[name]) for name in scores for extreme in (sa.func.min, sa.func.max))
    columns = (sa.func.count(), *extremes)
    return sa.select(*(one.label(f"figure_{place}") for place, one in enumerate(columns))).select_from(rows)


class _Run:
    """One scoring run: its statement, its sample and its counts."""

    def __init__(self, warehouse: Warehouse, scorer: BatchScorer) -> None:
        self.version = scorer.models.version
        self._warehouse, self._scorer = warehouse, scorer
        self._models = (
            ModelsInSql(scorer.models, scorer.features, warehouse.settings, warehouse.dialect)
            if isinstance(scorer.models, Bundle)
            else None
        )

    def statement(self, schema: pa.Schema) -> sa.Select:
        """The columns of the schema for every customer."""
        computed = self._computed(self._warehouse.features)
        constants = {
            "model_version": sa.literal(self.version, sa.Text()),
            "scored_at": sa.literal(self._scorer.scored_at, sa.DateTime(timezone=True)),
            DATA_STATE: sa.literal(self._scorer.data_state, sa.Text()),
        }
        return sa.select(
            *(
                constants[field.name].label(field.name)
                if field.name in constants
                else sa.cast(computed.c.get(field.name, sa.null()), sql_type(field.type)).label(field.name)
                for field in schema
            )
        ).select_from(computed)

    def compare_sample(self) -> tuple[pa.Schema, str]:
        """The columns of a scoring run, and a sentence on the sample; raises `NotInSql` where it differs too much."""
        names, view = self._scorer.columns(), self._warehouse.features
        sample = sa.select(*(view.c[name] for name in names)).order_by(self._warehouse.dialect.at_random())
        computed = self._computed(sample.limit(_SAMPLE_ROWS).subquery("sample"), with_inputs=True)
        try:
            found = self._warehouse.fetch_arrow(sa.select(*computed.c))
        except QueryTimeout:
            raise
        except LoyaltyError as error:
            raise NotInSql("The warehouse cannot compute the models.", str(error)) from error
        inputs = [as_arrow(found.column(f"{_READ}{place}")) for place in range(len(names))]
        expected = self._scorer.score(pa.RecordBatch.from_arrays(inputs, names=names)).rows
        difference = largest_difference(expected, found)
        return _plain(expected.schema), (
            f"Computed by the warehouse: in a sample of {len(found):,} customers, no score differs from LiteRT's by "
            f"more than {difference:.1g}."
        )

    def blanks_and_failures(self) -> tuple[Counter[str], Counter[str]]:
        """Blank values by feature, and customers without an answer by their first reason."""
        view = self._warehouse.features
        inputs = self._models.inputs(view) if self._models else None
        reasons = {NO_ID: self._warehouse.id_of(view).is_(None), **(inputs.excluded if inputs else {})}
        blanks = inputs.blanks if inputs else {}
        first = sa.case(*((flag, place) for place, flag in enumerate(reasons.values())), else_=-1).label("reason")
        flags = (sa.case((flag, 1), else_=0).label(f"blank_{place}") for place, flag in enumerate(blanks.values()))
        rows = sa.select(first, *flags).select_from(view).subquery("rows_read")
        counts = [
            *(_count_where(rows.c.reason == place) for place in range(len(reasons))),
            *(_count_where(rows.c.reason < 0, rows.c[f"blank_{place}"] == 1) for place in range(len(blanks))),
        ]
        (counted,) = self._warehouse.rows(sa.select(*(one.label(f"count_{place}") for place, one in enumerate(counts))))
        failed, blank = list(counted.values())[: len(reasons)], list(counted.values())[len(reasons) :]
        return Counter(dict(zip(blanks, blank, strict=True))), Counter(dict(zip(reasons, failed, strict=True)))

    def _computed(self, source: sa.FromClause, *, with_inputs: bool = False) -> sa.Subquery:
        """What is computed for every row of `source` with an id; `with_inputs`, beside what it is computed from."""
        identifier = unrounded(source.c[self._scorer.customer_id])
        others: dict[str, sa.ColumnElement[Any]] = {CUSTOMER_ID: identifier}
        if self._scorer.cut_points:
            others |= score_columns(source, self._scorer.cut_points)
        if with_inputs:
            read = (identifier, *(source.c[name] for name in self._scorer.columns()[1:]))
            others |= {f"{_READ}{place}": column for place, column in enumerate(read)}
        known = source.c[self._scorer.customer_id].is_not(None)
        if self._models:
            return self._models.select(source, others, known).subquery("computed")
        return sa.select(*(one.label(name) for name, one in others.items())).where(known).subquery("computed")


def _count_where(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.count(sa.case((sa.and_(*conditions), 1)))


def largest_difference(expected: pa.RecordBatch, found: pa.Table) -> float:
    """Between the numbers that LiteRT and the warehouse computed for the same customers.

    Raises `NotInSql` where it is above `TOLERANCE`, and where a text differs or only one of the two is blank. Offers
    and risks are compared by the scores that they follow from: scores that are nearly equal may change their order.
    """
    groups = {task.group_column for task in TASKS.values()}
    largest = 0.0
    for name in found.column_names:
        if name in expected.schema.names and name not in _OF_RUN | groups:
            one, other = (as_arrow(rows.column(name)) for rows in (expected, found))
            difference = _difference(one, other)
            if not difference <= TOLERANCE:
                raise NotInSql(
                    f"In a sample of customers, the warehouse computes another {name.replace('_', ' ')} than LiteRT.",
                    f"They differ by up to {difference:.2g}; {TOLERANCE:g} is allowed. Nothing was replaced.",
                )
            largest = max(largest, difference)
    return largest


def _difference(one: pa.Array, other: pa.Array) -> float:
    """The largest between two columns; infinite where they cannot be compared."""
    if pa.types.is_string(one.type):
        return 0.0 if one.to_pylist() == other.to_pylist() else np.inf
    numbers, others = (column.cast(pa.float64()).to_numpy(zero_copy_only=False) for column in (one, other))
    blank = np.isnan(numbers)
    if (blank != np.isnan(others)).any():
        return np.inf
    return float(np.abs(numbers - others)[~blank].max(initial=0.0))


def _plain(schema: pa.Schema) -> pa.Schema:
    """The columns of a scoring run without dictionaries, which SQL does not have."""
    types = (field.type.value_type if pa.types.is_dictionary(field.type) else field.type for field in schema)
    return pa.schema(list(zip(schema.names, types, strict=True)))
