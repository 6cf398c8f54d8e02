"""Movement of customers between RFM segments since an earlier scoring run, from one join of the two runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa

from loyalty_core.analytics.rfm.figures import strength
from loyalty_core.rfm import current_cut_points, measure, saved_cut_points
from loyalty_core.warehouse.predictions import each_earlier_run

if TYPE_CHECKING:
    from loyalty_core.analytics.scope import ScopedBase
    from loyalty_core.warehouse.predictions import ScoringRun

Kind = Literal["stayed", "stronger", "weaker", "other", "new", "gone"]

WITHOUT_RFM = "Without RFM"


@dataclass(frozen=True)
class Flow:
    """The customers who moved from one segment to another, or stayed in one.

    `before` is None for customers who were not in the base yet, `after` for those who have left it. `money` is what
    they have spent up to now; it is 0 for customers who have left.
    """

    before: str | None
    after: str | None
    customers: int
    money: float

    @property
    def kind(self) -> Kind:
        """The kind of move; "other" if one of the segments has no rank between weak and strong."""
        if self.before is None:
            return "new"
        if self.after is None:
            return "gone"
        if self.before == self.after:
            return "stayed"
        before, after = strength(self.before), strength(self.after)
        if min(before, after) < 0:
            return "other"
        return "stronger" if after > before else "weaker"


@dataclass(frozen=True)
class Movement:
    """All flows from an earlier run to the current one, largest first.

    If the scope is a segment, customers who have left the base are not known, so that no flow is "gone".
    """

    since: ScoringRun
    flows: tuple[Flow, ...]

    def customers(self, *kinds: Kind) -> int:
        """The number of customers in flows of these kinds."""
        return sum(flow.customers for flow in self.flows if flow.kind in kinds)

    def money(self, *kinds: Kind) -> float:
        """The money spent by customers in flows of these kinds."""
        return sum(flow.money for flow in self.flows if flow.kind in kinds)

    @property
    def moves(self) -> tuple[Flow, ...]:
        """The flows between two segments."""
        return tuple(flow for flow in self.flows if flow.kind in {"stronger", "weaker", "other"})

    def before(self, segment: str) -> int:
        """The number of customers in a segment in the earlier run."""
        return sum(flow.customers for flow in self.flows if flow.before == segment)


def read_movement(base: ScopedBase, since: ScoringRun) -> Movement | None:
    """The movement of the customers in scope since a run; None if its predictions are no longer stored.

    Raises `PredictionsMissing` before the first scoring run.
    """
    earlier = next((relation for run, relation in each_earlier_run(base.warehouse) if run == since), None)
    if earlier is None:
        return None
    found = base.rows(_flows(base, earlier))
    flows = (Flow(row["before"], row["after"], row["customers"], row["money"]) for row in found)
    return Movement(since, tuple(sorted(flows, key=lambda f: (-f.customers, f.before or "", f.after or ""))))


def _flows(base: ScopedBase, earlier: sa.FromClause) -> sa.Select:
    """Join both runs; the features view says who is in the base now, and what they have spent."""
    identifier, segment = base.warehouse.customer_id.name, base.field("rfm_segment")
    cut_points = saved_cut_points(base.warehouse) or current_cut_points(base.warehouse)
    money = cut_points.columns.monetary
    customers = base.customers(identifier, segment, money)
    # Customers who joined after the current run are in neither.
    present = sa.select(customers).where(customers.c[segment].is_not(None)).subquery("present")
    same = present.c[identifier] == earlier.c.customer_id
    everybody = base.scope.segment_id is None
    moved = (
        sa.select(
            _segment(earlier.c.customer_id, earlier.c.rfm_segment).label("before"),
            _segment(present.c[identifier], present.c[segment]).label("after"),
            measure(present.c[money]).label("money"),
        )
        .select_from(present.join(earlier, same, isouter=True, full=everybody))
        .subquery("moved")
    )
    return sa.select(
        moved.c.before,
        moved.c.after,
        sa.func.count().label("customers"),
        sa.func.coalesce(sa.func.sum(moved.c.money), 0.0).label("money"),
    ).group_by(moved.c.before, moved.c.after)


def _segment(customer: sa.ColumnElement, segment: sa.ColumnElement) -> sa.ColumnElement:
    """The segment's name; NULL if the customer is not in the run."""
    return sa.case((customer.is_not(None), sa.func.coalesce(segment, WITHOUT_RFM)))
