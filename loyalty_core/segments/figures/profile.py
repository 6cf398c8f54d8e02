"""A segment against the whole base: what its customers have more or less of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.warehouse.columns import Counted, as_compared, filled, value_counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from loyalty_core.rules import Rule
    from loyalty_core.warehouse import Column, Warehouse
    from loyalty_core.warehouse.columns import Kind
    from loyalty_core.warehouse.connection import Row

# A value counts as typical when at least this share of the segment has it.
_SMALLEST_SHARE = 0.02
# The square of a larger number overflows; such values are infinities and placeholders.
_LARGEST = 1e150


@dataclass(frozen=True)
class NumberComparison:
    """Means of a number column; `difference` is in standard deviations of the base (Cohen's d against the base)."""

    column: Column
    segment_mean: float | None
    base_mean: float | None
    segment_total: float | None
    base_total: float | None
    difference: float | None


@dataclass(frozen=True)
class ValueComparison:
    """How common one value of a category is, as shares (0–1); `index` is their ratio, 1 where they are alike."""

    column: Column
    value: Any
    customers: int
    segment_share: float
    base_share: float

    @property
    def index(self) -> float:
        """Share in the segment by share in the base; infinite when nobody else has the value."""
        return self.segment_share / self.base_share if self.base_share else math.inf


@dataclass(frozen=True)
class Profile:
    """`numbers` and `values` start with what sets the segment apart most."""

    customers: int
    base: int
    numbers: tuple[NumberComparison, ...]
    values: tuple[ValueComparison, ...]

    def number(self, name: str) -> NumberComparison | None:
        """The comparison of that column, None where it has no numbers."""
        return next((number for number in self.numbers if number.column.name == name), None)


def compare(warehouse: Warehouse, rule: Rule, parts: Iterable[tuple[sa.FromClause, Sequence[Column]]]) -> Profile:
    """Compare a rule's customers with all, on every number and every category of each relation.

    `parts` has one relation at least. Two statements for each: one for its numbers, one for its categories.
    """
    totals: Row = {}
    numbers: list[NumberComparison] = []
    values: list[ValueComparison] = []
    for relation, fields in parts:
        compared = [field for field in fields if field.kind == "number" and not field.top_values]
        belongs = rule.to_sql(relation, where=True)
        if compared or not totals:
            row = warehouse.rows(_totals(relation, belongs, compared))[0]
            totals = totals or row
            numbers += [_number(field, i, row) for i, field in enumerate(compared)]
        categories = [field for field in fields if field.top_values]
        values += _values(warehouse, relation, belongs, categories, totals)
    return Profile(
        totals["members"],
        totals["customers"],
        tuple(sorted(numbers, key=_least_alike)),
        tuple(sorted(values, key=_least_typical)),
    )


def _totals(relation: sa.FromClause, belongs: sa.ColumnElement[bool], numbers: Sequence[Column]) -> sa.Select[Any]:
    """Customers, members, and five figures of each number.

    The rule and the numbers are computed in a subquery, so that Spark computes them once and not for each figure.
    """
    values = [sa.cast(filled(relation.c[field.name]), sa.Double) for field in numbers]
    usable = [sa.case((sa.func.abs(value) <= _LARGEST, value)).label(f"value_{i}") for i, value in enumerate(values)]
    # 1 or 0, since not every database has conditions among the columns of a SELECT.
    marked = sa.case((belongs, 1), else_=0).label("belongs")
    computed = sa.select(marked, *usable).select_from(relation).subquery("computed")
    members = computed.c.belongs == 1
    figures: list[sa.ColumnElement[Any]] = [
        sa.func.count().label("customers"),
        sa.func.count(sa.case((members, 1))).label("members"),
    ]
    for i in range(len(numbers)):
        value = computed.c[f"value_{i}"]
        inside = sa.case((members, value))
        figures.append(sa.func.avg(value).label(f"mean_{i}"))
        figures.append(sa.func.avg(value * value).label(f"square_{i}"))
        figures.append(sa.func.sum(value).label(f"total_{i}"))
        figures.append(sa.func.avg(inside).label(f"segment_mean_{i}"))
        figures.append(sa.func.sum(inside).label(f"segment_total_{i}"))
    return sa.select(*figures)


def _number(field: Column, i: int, row: Row) -> NumberComparison:
    mean, square, inside = row[f"mean_{i}"], row[f"square_{i}"], row[f"segment_mean_{i}"]
    difference = None
    if mean is not None and inside is not None:
        spread = math.sqrt(max(square - mean * mean, 0.0))
        difference = (inside - mean) / spread if spread else 0.0
    return NumberComparison(field, inside, mean, row[f"segment_total_{i}"], row[f"total_{i}"], difference)


def _values(
    warehouse: Warehouse,
    relation: sa.FromClause,
    belongs: sa.ColumnElement[bool],
    categories: Sequence[Column],
    totals: Row,
) -> Iterator[ValueComparison]:
    members, customers = totals["members"], totals["customers"]
    readable = warehouse.dialect.readable
    counted = [_counted(as_compared(readable(relation.c[field.name])), field.kind) for field in categories]
    for row in warehouse.rows(value_counts(warehouse.dialect, relation, counted, belongs)) if counted else ():
        field = categories[row["position"]]
        known = {_as_text(value): value for value, _ in field.top_values}
        if row["value"] in known:
            yield ValueComparison(
                field,
                known[row["value"]],
                row["members"],
                row["members"] / members if members else 0.0,
                row["customers"] / customers,
            )


def _counted(column: sa.ColumnElement[Any], kind: Kind) -> Counted:
    if kind == "boolean":
        return Counted(column, sa.case((column.is_(sa.true()), "true"), (column.is_(sa.false()), "false")))
    return Counted(column, sa.cast(column, sa.Text))


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _least_alike(number: NumberComparison) -> tuple[float, str]:
    """Ties are decided by name, not by the order in which a database answers."""
    return -abs(number.difference or 0.0), number.column.name


def _least_typical(value: ValueComparison) -> tuple[bool, float, str, str]:
    """Values that few of the segment have come last, however rare they are elsewhere; ties as above."""
    difference = abs(value.segment_share - value.base_share)
    return value.segment_share < _SMALLEST_SHARE, -difference, value.column.name, str(value.value)
