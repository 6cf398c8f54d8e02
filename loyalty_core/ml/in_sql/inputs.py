"""What a network reads, as SQL: each feature encoded and scaled as the feature contract and the scaler do it.

Values are rounded to single precision where numpy and LiteRT round: pieces may be so steep that a difference in the
eighth digit of an input is one in the third digit of a probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa

from loyalty_core.ml.features import FLOAT32_MAX, LARGEST, FeatureContract, InputFeature
from loyalty_core.ml.in_sql.computed_columns import ComputedColumns, Number
from loyalty_core.ml.in_sql.graph import NotInSql
from loyalty_core.rules.sql.elements import Exact, bound
from loyalty_core.warehouse.columns import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.ml.bundles import Scaler
    from loyalty_core.warehouse.dialects import Dialect

Element = sa.ColumnElement[Any]


@dataclass(frozen=True)
class Inputs:
    """The features of a contract over a relation that has their columns.

    `given` are the columns to compute from: a number, NULL where it is blank, or the index of a text's category.
    `blanks` says of each feature whether it is blank, `excluded` why a customer gets no answer.
    """

    contract: FeatureContract
    given: dict[str, Element]
    blanks: dict[str, sa.ColumnElement[bool]]
    excluded: dict[str, sa.ColumnElement[bool]]

    def scaled(self, columns: ComputedColumns, scaler: Scaler) -> list[Number]:
        """The inputs of the networks in order, as columns; `given` must be among those that are given."""
        return [
            columns.add(f"scaled_{slot}", one)
            for slot, one in enumerate(
                one
                for feature, name, slots in zip(self.contract.inputs, self.given, self.contract.slices, strict=True)
                for one in _slots(columns, feature, name, scaler.mean[slots], scaler.scale[slots])
            )
        ]


def read_inputs(
    contract: FeatureContract, features: Mapping[str, str], source: sa.FromClause, dialect: Dialect
) -> Inputs:
    """The inputs over `source`, whose column for each feature is named in `features`.

    Raises `NotInSql` for a column that is not of the feature's kind.
    """
    given: dict[str, Element] = {}
    blanks: dict[str, sa.ColumnElement[bool]] = {}
    excluded: dict[str, sa.ColumnElement[bool]] = {}
    for place, feature in enumerate(contract.inputs):
        column = source.c[features[feature.name]]
        kind = kind_of(column.type)
        if (kind == "text") != (feature.kind == "text") or kind not in {"number", "boolean", "text"}:
            raise NotInSql(
                f"The column {column.name} has the type {column.type}, but the feature {feature.name} is a "
                f"{feature.kind}.",
                "Only LiteRT can read one as the other.",
            )
        if feature.kind == "text":
            text = sa.func.coalesce(sa.cast(dialect.readable(column), sa.Text), bound("", sa.Text()))
            given[f"given_{place}"] = _category(feature, text)
            blanks[feature.name] = text == bound("", sa.Text())
        else:
            number = _number(column, kind)
            within = number.between(-FLOAT32_MAX, FLOAT32_MAX)
            given[f"given_{place}"] = sa.case((within, number))
            blanks[feature.name] = sa.not_(sa.func.coalesce(within, sa.false()))
            too_large = sa.and_(within, sa.not_(number.between(-LARGEST, LARGEST)))
            excluded[f"{column.name} holds a number beyond {LARGEST:g}."] = sa.func.coalesce(too_large, sa.false())
    return Inputs(contract, given, blanks, excluded)


def _number(column: Element, kind: str) -> Element:
    if kind == "boolean":
        number = sa.case((column.is_(sa.true()), 1), (column.is_(sa.false()), 0))
        return sa.cast(number, sa.Double)
    return sa.cast(column, sa.Double)


def _category(feature: InputFeature, text: sa.ColumnElement[str]) -> Element:
    """The index of the category, the number of categories for any other text."""
    other = len(feature.categories)
    if not other:
        return sa.literal(0)
    exact = Exact(text)
    found = ((exact == bound(category, sa.Text()), index) for index, category in enumerate(feature.categories))
    return sa.case(*found, else_=other)


def _slots(
    columns: ComputedColumns, feature: InputFeature, name: str, means: np.ndarray[Any, Any], scales: Any
) -> list[Number]:
    """The scaled slots of one feature. Where a slot is 0 or 1, both are scaled here."""
    off, on = ((np.float32(value) - means) / scales for value in (0, 1))
    if feature.kind == "text":
        return [
            _either(columns, name, f"{{}} = {index}", on[index], off[index])
            for index in range(len(feature.categories) + 1)
        ]
    filled = _single(columns, Number(f"COALESCE({name}, {columns.constant(feature.median).sql})", frozenset({name})))
    centred = _single(columns, columns.write("{} - {}", filled, columns.constant(means[0])))
    quotient = columns.write("{} / {}", centred, columns.constant(scales[0]))
    limits = columns.constant(-FLOAT32_MAX), columns.constant(FLOAT32_MAX)
    scaled = _single(columns, columns.least(columns.greatest(quotient, limits[0]), limits[1]))
    return [scaled, *([_either(columns, name, "{} IS NULL", on[1], off[1])] if feature.flags_blanks else [])]


def _either(columns: ComputedColumns, name: str, condition: str, on: float, off: float) -> Number:
    one, other = columns.constant(on), columns.constant(off)
    return Number(f"CASE WHEN {condition.format(name)} THEN {one.sql} ELSE {other.sql} END", frozenset({name}))


def _single(columns: ComputedColumns, number: Number) -> Number:
    return Number(columns.dialect.single(number.sql), number.reads)
