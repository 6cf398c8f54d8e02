"""How a column's values are spread over the base, as a few bars computed in the warehouse."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.warehouse.columns.blanks import filled
from loyalty_core.warehouse.columns.value_counts import Counted, value_counts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from loyalty_core.warehouse.connection import Warehouse

# Long tails would squeeze everyone into the first bar, so what lies above this quantile shares the last one.
_TAIL_QUANTILE = 0.98
# Beyond it there are only infinities and placeholders, and the width of a bar would overflow.
_LARGEST = 1e300
# 0.15 / 0.05 is a little below 3 in binary; a value so close to an edge counts as on it.
_ON_EDGE = Decimal("1e-9")


@dataclass(frozen=True)
class Histogram:
    """Bar i counts values in [edges[i], edges[i+1]), the last bar both edges; `open_ended`: and all above."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    open_ended: bool


@dataclass(frozen=True)
class _Axis:
    """Where the bars of a column begin and how wide they are; `last` is the index of the last one."""

    value: sa.ColumnElement[Any]
    start: Decimal
    step: Decimal
    last: int
    highest: float

    @property
    def edges(self) -> tuple[float, ...]:
        return tuple(float(self.start + self.step * i) for i in range(self.last + 2))

    @property
    def place(self) -> sa.ColumnElement[Any]:
        """How many bars after the first a value would be, were there bars on either side without end."""
        place = sa.func.floor((self.value - float(self.start)) / float(self.step) + float(_ON_EDGE))
        return sa.case((self.value.is_not(None), place))  # SQLite's function does not take NULL

    def bar(self, place: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """The index of the bar that a value with this place belongs to."""
        return sa.case((place < 0, 0), (place > self.last, self.last), else_=place)

    def histogram(self, counts: Mapping[int, int]) -> Histogram:
        """The bars with these counts by index."""
        edges = self.edges
        bars = tuple(counts.get(i, 0) for i in range(self.last + 1))
        return Histogram(edges, bars, self.highest > edges[-1])


def histogram(warehouse: Warehouse, column: str | sa.ColumnElement[Any], bars: int = 20) -> Histogram | None:
    """Customers by value of a number, in about `bars` bars with round edges; None when all are blank.

    A name is a column of the features view. Whole numbers get bars no narrower than 1. Infinities are left out.
    """
    source = warehouse.features.c[column] if isinstance(column, str) else column
    return histograms(warehouse, [source], bars)[0]


def histograms(
    warehouse: Warehouse, columns: Sequence[sa.ColumnElement[Any]], bars: int = 20
) -> list[Histogram | None]:
    """The histogram of each column of one relation, as `histogram` defines it.

    Two statements for many columns at once where the database has sketches of quantiles, and for each column where it
    sorts the values, which it holds in memory meanwhile.
    """
    at_once = warehouse.dialect.columns_per_statement if warehouse.dialect.uses_sketches else 1
    parts = (columns[start : start + at_once] for start in range(0, len(columns), at_once))
    return [found for part in parts for found in _at_once(warehouse, part, bars)]


def _at_once(warehouse: Warehouse, columns: Sequence[sa.ColumnElement[Any]], bars: int) -> Iterator[Histogram | None]:
    axes = _axes(warehouse, columns, bars)
    known = [axis for axis in axes if axis is not None]
    counts: list[dict[int, int]] = [{} for _ in known]
    if known:
        # In a subquery, like the values, so that Spark computes them once and not for each comparison.
        places = sa.select(*(axis.place.label(f"place_{i}") for i, axis in enumerate(known))).subquery("places")
        indices = [axis.bar(place) for axis, place in zip(known, places.c, strict=True)]
        counted = value_counts(warehouse.dialect, places, [Counted(index, index) for index in indices])
        for row in warehouse.rows(counted):
            counts[row["position"]][int(row["value"])] = row["customers"]
    found = iter(counts)
    return (axis and axis.histogram(next(found)) for axis in axes)


def quantile(warehouse: Warehouse, column: str, share: float) -> Any:
    """The value of a number column that this share of customers is at or below, blanks aside; None when all are blank.

    The discrete definition: it is always a value that some customer has.
    """
    value = filled(warehouse.features.c[column])
    aggregate = warehouse.dialect.quantile(value, share)
    if aggregate is not None:
        return warehouse.rows(sa.select(aggregate.label("value")))[0]["value"]
    customers = warehouse.rows(sa.select(sa.func.count(value).label("n")))[0]["n"]
    position = max(math.ceil(share * customers) - 1, 0)
    ordered = sa.select(value.label("value")).where(value.is_not(None)).order_by(value).limit(1).offset(position)
    return next((row["value"] for row in warehouse.rows(ordered)), None)


def customers_by_month(warehouse: Warehouse, column: str) -> list[tuple[date, int]]:
    """Customers by calendar month of a date column, oldest first, months without any left out."""
    moment = warehouse.dialect.readable(warehouse.features.c[column])
    parts = [sa.extract(part, moment).label(part) for part in ("year", "month")]
    counted = sa.select(*parts, sa.func.count().label("customers")).where(moment.is_not(None)).group_by(*parts)
    rows = warehouse.rows(counted.order_by(*parts))
    return [(date(int(row["year"]), int(row["month"]), 1), row["customers"]) for row in rows]


def percentile_ranks(warehouse: Warehouse, features: dict[str, Any]) -> dict[str, float]:
    """The percentile ranks of one customer's numbers: share below plus half the ties (0–1), in one query.

    The mid-rank definition, so a value that everybody has is at 0.5. Blank and non-numeric features
    are left out.
    """
    catalog = warehouse.catalog()
    view = catalog.view
    numbers = {
        column.name: features[column.name]
        for column in catalog.columns
        if column.kind == "number" and features.get(column.name) is not None
    }
    if not numbers:
        return {}
    ranks = [
        _mid_rank(filled(view.c[name]), number).label(f"rank_{i}") for i, (name, number) in enumerate(numbers.items())
    ]
    row = warehouse.rows(sa.select(*ranks))[0]
    found = {name: row[f"rank_{i}"] for i, name in enumerate(numbers)}
    return {name: float(rank) for name, rank in found.items() if rank is not None}


def _mid_rank(value: sa.ColumnElement[Any], number: Any) -> sa.ColumnElement[Any]:
    bound = sa.literal(number, value.type)
    score = sa.case((value < bound, 1.0), (value == bound, 0.5), (value > bound, 0.0))
    return sa.func.avg(sa.cast(score, sa.Double))


def _axes(warehouse: Warehouse, columns: Sequence[sa.ColumnElement[Any]], bars: int) -> list[_Axis | None]:
    """That of each column, in one statement; None where all values are blank."""
    values = [_finite(sa.cast(filled(column), sa.Double)) for column in columns]
    # Computed once, rather than by each of the three aggregates.
    computed = sa.select(*(value.label(f"value_{place}") for place, value in enumerate(values))).subquery("computed")
    expressions = []
    for place, value in enumerate(computed.c):
        tail = warehouse.dialect.interpolated_quantile(value, _TAIL_QUANTILE)
        found = {"lowest": sa.func.min(value), "highest": sa.func.max(value)}
        found["tail"] = found["highest"] if tail is None else tail
        expressions += [expression.label(f"{name}_{place}") for name, expression in found.items()]
    row = warehouse.rows(sa.select(*expressions))[0]
    return [
        _axis(
            computed.c[f"value_{place}"],
            *(row[f"{name}_{place}"] for name in ("lowest", "tail", "highest")),
            bars=bars,
            whole=isinstance(column.type, sa.Integer),
        )
        for place, column in enumerate(columns)
    ]


def _axis(
    value: sa.ColumnElement[Any], lowest: Any, tail: Any, highest: Any, *, bars: int, whole: bool
) -> _Axis | None:
    if lowest is None:
        return None
    step = _round_step(_width(lowest, tail, bars, whole=whole))
    start = math.floor(Decimal(lowest) / step + _ON_EDGE) * step
    last = max(0, math.ceil((Decimal(tail) - start) / step - _ON_EDGE) - 1)
    return _Axis(value, start, step, last, highest)


def _finite(value: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.case((sa.func.abs(value) <= _LARGEST, value))


def _width(lowest: float, tail: float, bars: int, *, whole: bool) -> float:
    """Of a bar; never so narrow that two edges are the same floating-point number."""
    distinct = 4 * math.ulp(max(abs(lowest), abs(tail)))
    at_least = max(distinct, 1.0) if whole or lowest == tail else distinct
    return max((tail - lowest) / bars, at_least)


def _round_step(width: float) -> Decimal:
    """The next of 1, 2, 5 × 10ⁿ that is not below `width`."""
    power = Decimal(1).scaleb(math.floor(math.log10(width)))
    smallest = Decimal(width) * (1 - _ON_EDGE)
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= smallest)
