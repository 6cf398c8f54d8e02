"""RFM figures of the customers in scope: one statement groups them by score; all figures are sums over the groups."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.analytics.scope import ScopedBase, condition
from loyalty_core.rfm import (
    NO_PURCHASES,
    SEGMENT_NAMES,
    SEGMENTS,
    RfmCutPoints,
    current_cut_points,
    map_at,
    measure,
    saved_cut_points,
    segment_names,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_SCORES = ("recency", "frequency", "monetary")
_ADVICE = {segment.name: segment.advice for segment in (*SEGMENTS, NO_PURCHASES)}


@dataclass(frozen=True)
class Spending:
    """Totals over customers; `known` is the number of those whose amount of money is not blank."""

    customers: int = 0
    known: int = 0
    money: float = 0.0
    purchases: float = 0.0

    def __add__(self, other: Spending) -> Spending:
        return Spending(
            self.customers + other.customers,
            self.known + other.known,
            self.money + other.money,
            self.purchases + other.purchases,
        )

    @property
    def mean_money(self) -> float | None:
        """Mean money per customer, without blanks; None without any."""
        return self.money / self.known if self.known else None

    @property
    def average_order(self) -> float | None:
        """Mean money per purchase; None without purchases."""
        return self.money / self.purchases if self.purchases > 0 else None


@dataclass(frozen=True)
class RfmGroup:
    """The customers with these three scores and this segment in the scoring run."""

    recency: int
    frequency: int
    monetary: int
    segment: str
    spending: Spending

    @property
    def has_bought(self) -> bool:
        """Whether the customers have bought anything; others are outside the grid."""
        return self.segment != NO_PURCHASES.name


@dataclass(frozen=True)
class RfmSegment:
    """One segment; shares are relative to the customers in scope and their money."""

    name: str
    spending: Spending
    customer_share: float
    money_share: float
    advice: str


@dataclass(frozen=True)
class RfmFigures:
    """All groups in scope; `unscored` counts customers who joined after the scoring run.

    `cut_points` are those of the scoring run, with the map in use at that time; if they were not saved, they are
    computed again. `advice` is the map's advice by segment name.
    """

    groups: tuple[RfmGroup, ...]
    unscored: int
    cut_points: RfmCutPoints
    advice: Mapping[str, str] = field(default_factory=dict)

    @property
    def total(self) -> Spending:
        """The totals over all customers with scores."""
        return _sum(self.groups)

    def cell(self, recency: int, frequency: int, monetary: int | None = None) -> tuple[RfmGroup, ...]:
        """The groups in a cell of the grid, with one monetary score or any."""
        wanted = (recency, frequency)
        return tuple(
            group
            for group in self.groups
            if group.has_bought and (group.recency, group.frequency) == wanted and monetary in {None, group.monetary}
        )

    def grid(self, monetary: int | None = None) -> dict[tuple[int, int], Spending]:
        """(recency, frequency) → totals, for all 25 cells."""
        scores = range(1, 6)
        return {(r, f): _sum(self.cell(r, f, monetary)) for r in scores for f in scores}

    def by_score(self, score: str) -> dict[int, Spending]:
        """Totals by value of "recency", "frequency" or "monetary", over customers who have bought."""
        groups = [group for group in self.groups if group.has_bought]
        return {value: _sum(g for g in groups if getattr(g, score) == value) for value in range(5, 0, -1)}

    def segments(self) -> list[RfmSegment]:
        """All segments that have customers, strongest first; custom segments come last."""
        by_name: dict[str, Spending] = defaultdict(Spending)
        for group in self.groups:
            by_name[group.segment] += group.spending
        total = self.total
        return [
            RfmSegment(
                name,
                spending,
                _share(spending.customers, total.customers),
                _share(spending.money, total.money),
                self.advice.get(name) or _ADVICE.get(name, ""),
            )
            for name, spending in sorted(by_name.items(), key=lambda item: (-strength(item[0]), item[0]))
        ]


@dataclass(frozen=True)
class CurvePoint:
    """Cumulative shares of customers and money up to this segment, the highest spenders first."""

    segment: str
    customer_share: float
    money_share: float


def strength(segment: str) -> int:
    """A segment's rank from the weakest on; 0 for customers who never bought, -1 for a custom segment."""
    if segment == NO_PURCHASES.name:
        return 0
    return SEGMENT_NAMES.index(segment) + 1 if segment in SEGMENT_NAMES else -1


def read_rfm(base: ScopedBase) -> RfmFigures:
    """Group the customers in scope by their scores, at most 126 groups, in one statement.

    Raises `PredictionsMissing` before the first scoring run, and `RfmUnavailable`.
    """
    cut_points = saved_cut_points(base.warehouse) or current_cut_points(base.warehouse)
    chosen = map_at(base.warehouse.settings, base.run.scored_at)
    purchases, money = cut_points.columns.frequency, cut_points.columns.monetary
    scores = [base.field(name) for name in (*_SCORES, "rfm_segment")]
    customers = base.customers(*scores, purchases, money)
    amount = measure(customers.c[money])
    by = [customers.c[name] for name in scores]
    counted = sa.select(
        *(column.label(name) for column, name in zip(by, (*_SCORES, "segment"), strict=True)),
        sa.func.count().label("customers"),
        sa.func.count(amount).label("known"),
        sa.func.coalesce(sa.func.sum(amount), 0.0).label("money"),
        sa.func.coalesce(sa.func.sum(measure(customers.c[purchases])), 0.0).label("purchases"),
    ).group_by(*by)
    if chosen is None:
        return _figures(base.rows(counted), cut_points)
    advice = {name: chosen.details(name).advice for name in segment_names(chosen.names)}
    return _figures(base.rows(counted), chosen.apply(cut_points), advice)


def spending_curve(segments: Sequence[RfmSegment]) -> list[CurvePoint]:
    """Cumulative shares of customers and money, by descending money per customer: how concentrated revenue is."""
    ordered = sorted(segments, key=lambda segment: -(segment.spending.mean_money or 0.0))
    customers = accumulate(segment.customer_share for segment in ordered)
    money = accumulate(segment.money_share for segment in ordered)
    return [CurvePoint(s.name, c, m) for s, c, m in zip(ordered, customers, money, strict=True)]


def cell_conditions(base: ScopedBase, recency: int, frequency: int, monetary: int | None = None) -> list[Any]:
    """The conditions of a rule that holds exactly for the customers in a cell of the grid."""
    conditions = [
        condition("==", base.field("recency"), recency),
        condition("==", base.field("frequency"), frequency),
    ]
    if monetary is not None:
        conditions.append(condition("==", base.field("monetary"), monetary))
    if recency == frequency == 1 and monetary in {None, 1}:
        conditions.append(condition("!=", base.field("rfm_segment"), NO_PURCHASES.name))
    return conditions


def segment_condition(base: ScopedBase, name: str) -> Any:
    """The condition of a rule that holds for an RFM segment."""
    return condition("==", base.field("rfm_segment"), name)


def _figures(
    rows: Iterable[dict[str, Any]], cut_points: RfmCutPoints, advice: Mapping[str, str] | None = None
) -> RfmFigures:
    groups, unscored = [], 0
    for row in rows:
        if row["segment"] is None:
            unscored += row["customers"]
            continue
        spending = Spending(row["customers"], row["known"], row["money"], row["purchases"])
        groups.append(RfmGroup(row["recency"], row["frequency"], row["monetary"], row["segment"], spending))
    groups.sort(key=lambda group: (group.recency, group.frequency, group.monetary, group.segment))
    return RfmFigures(tuple(groups), unscored, cut_points, advice or {})


def _sum(groups: Iterable[RfmGroup]) -> Spending:
    return sum((group.spending for group in groups), Spending())


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
