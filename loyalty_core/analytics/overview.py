"""The last scoring run over the whole base, compared with the run before, and the largest segments."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.analytics.rfm import strength
from loyalty_core.ml.tasks import RISKS
from loyalty_core.warehouse import GroupTooSmall
from loyalty_core.warehouse.columns import large_groups
from loyalty_core.warehouse.predictions import CUSTOMER_ID, ScoringRun, each_earlier_run, last_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from loyalty_core.segments import Segment
    from loyalty_core.warehouse import Warehouse
    from loyalty_core.warehouse.connection import Row

_GROUPS = ("churn_risk", "recommended_offer", "rfm_segment")


@dataclass(frozen=True)
class Tally:
    """The customers with one risk, recommended offer or RFM segment.

    `share` is relative to all customers with such a prediction (0-1); `before` is the number in the run before, if any.
    """

    value: Any
    customers: int
    share: float
    before: int | None

    @property
    def change(self) -> int | None:
        """The increase since the run before."""
        return None if self.before is None else self.customers - self.before


@dataclass(frozen=True)
class Outlook:
    """The predictions of `run` for the current base, in total; `before` is the run they are compared with.

    `churners` is the sum of churn probabilities, None without a churn model. `risks` are ordered from high to low,
    `rfm_segments` from strong to weak, `offers` by frequency; each is empty without such predictions. Groups that are
    too small for the viewer are left out.
    """

    run: ScoringRun
    before: ScoringRun | None
    customers: int
    churners: float | None
    churners_before: float | None
    risks: tuple[Tally, ...]
    offers: tuple[Tally, ...]
    rfm_segments: tuple[Tally, ...]

    @property
    def churners_change(self) -> float | None:
        """The increase in expected churners since the run before."""
        if self.churners is None or self.churners_before is None:
            return None
        return self.churners - self.churners_before


@dataclass(frozen=True)
class TopSegment:
    """A saved segment by its last size; `change` is since the size before, `share` of the base then (0-1).

    `is_stale` says whether the rule has changed since it was counted, `data_changed` whether the data has.
    """

    id: str
    name: str
    customers: int
    share: float
    change: int | None
    is_stale: bool
    data_changed: bool


def read_outlook(warehouse: Warehouse) -> Outlook | None:
    """Read the last run and the one before in one statement, at most a few hundred rows; None before the first run."""
    run, predictions = last_run(warehouse), warehouse.predictions
    if run is None or predictions is None:
        return None
    # How two runs differ may be by one customer.
    earlier_runs = iter(()) if warehouse.smallest_group else each_earlier_run(warehouse)
    before, earlier = next(earlier_runs, (None, None))
    # Customers who have left the base since then are not counted, as on every other screen.
    view = warehouse.features
    current = view.join(predictions, predictions.c[CUSTOMER_ID] == warehouse.id_of(view))
    groups = _groups("present", predictions, current)
    if earlier is not None:
        groups = sa.union_all(groups, _groups("before", earlier, earlier))
    found: dict[str, list[Row]] = {"present": [], "before": []}
    for row in warehouse.unguarded.rows(groups):
        found[row["run"]].append(row)
    customers = sum(row["customers"] for row in found["present"])
    if customers < warehouse.smallest_group:
        raise GroupTooSmall(warehouse.smallest_group)
    return _outlook(run, before, found["present"], found["before"], warehouse.smallest_group)


def top_segments(segments: Iterable[Segment], limit: int) -> list[TopSegment]:
    """The largest segments of those whose size is known."""
    found = [
        TopSegment(
            id=segment.id,
            name=segment.name,
            customers=segment.size.customers,
            share=segment.size.customers / segment.size.base if segment.size.base else 0.0,
            change=segment.sizes_recent[-1] - segment.sizes_recent[-2] if len(segment.sizes_recent) > 1 else None,
            is_stale=segment.is_stale,
            data_changed=segment.data_changed,
        )
        for segment in segments
        if segment.size is not None
    ]
    return sorted(found, key=lambda segment: (-segment.customers, segment.name))[:limit]


def _groups(run: str, predictions: sa.FromClause, customers: sa.FromClause) -> sa.Select[Any]:
    """Customers and expected churners, grouped by risk, offer and RFM segment together."""
    by = [predictions.c[name] for name in _GROUPS]
    return (
        sa.select(
            sa.literal_column(f"'{run}'", sa.Text).label("run"),
            *by,
            sa.func.count().label("customers"),
            sa.func.sum(predictions.c.churn_probability).label("churners"),
        )
        .select_from(customers)
        .group_by(*by)
    )


def _outlook(
    run: ScoringRun, before: ScoringRun | None, present: list[Row], earlier: list[Row], smallest: int
) -> Outlook:
    risks, offers, segments = (
        _tallies(_count(present, name), _count(earlier, name) if before else None, smallest) for name in _GROUPS
    )
    weight = {risk: position for position, risk in enumerate(RISKS)}
    return Outlook(
        run=run,
        before=before,
        customers=sum(row["customers"] for row in present),
        churners=_churners(present),
        churners_before=_churners(earlier),
        risks=tuple(sorted(risks, key=lambda tally: -weight.get(tally.value, -1))),
        offers=tuple(sorted(offers, key=lambda tally: (-tally.customers, tally.value))),
        rfm_segments=tuple(sorted(segments, key=lambda tally: (-strength(tally.value), tally.value))),
    )


def _count(rows: Iterable[Row], name: str) -> dict[Any, int]:
    """Customers by predicted value; those without a prediction are left out."""
    counts: dict[Any, int] = defaultdict(int)
    for row in rows:
        if row[name] is not None:
            counts[row[name]] += row["customers"]
    return counts


def _tallies(present: Mapping[Any, int], earlier: Mapping[Any, int] | None, smallest: int) -> list[Tally]:
    """All values of either run, or the large groups; `before` is None if the run before has no such predictions."""
    total = sum(present.values())
    if not total:
        return []
    known = earlier or None
    present = large_groups(present, total, smallest) if smallest else present
    return [
        Tally(value, present.get(value, 0), present.get(value, 0) / total, known.get(value, 0) if known else None)
        for value in present.keys() | (known or {}).keys()
    ]


def _churners(rows: Iterable[Row]) -> float | None:
    known = [float(row["churners"]) for row in rows if row["churners"] is not None]
    return sum(known) if known else None
