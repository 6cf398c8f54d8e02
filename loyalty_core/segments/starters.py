"""The segments that a new workbench begins with, made to fit whatever features view there is."""

from __future__ import annotations

import math
import re
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from loyalty_core.access import Viewer, acting_as
from loyalty_core.rules import BuilderCondition, BuilderGroup, from_builder
from loyalty_core.segments.predicted_fields import GROUP, field_name
from loyalty_core.segments.references import SEGMENT_PREFIX, field_of
from loyalty_core.segments.segment import Segment, SegmentDraft
from loyalty_core.store.versioned import new_id
from loyalty_core.warehouse.columns import Role, column_for, quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loyalty_core.segments.engine import SegmentationEngine
    from loyalty_core.segments.repository import SegmentRepository
    from loyalty_core.settings import Settings
    from loyalty_core.warehouse import Column, Warehouse

OWNER = "Workbench"

_TOP_TIERS = frozenset({"gold", "platinum", "diamond", "black", "elite", "vip"})
_NEW_DAYS = 90
_SLEEPING_DAYS = 180
_HIGH_CHURN_SCORE = 0.7
_TOP_REVENUE, _TOP_POINTS = 0.95, 0.9
_VIP, _HIGH_CHURN_RISK = "VIP", "High churn risk"


class Quantile(Protocol):
    """The value of a column that `share` of its customers do not exceed; None where all are blank."""

    def __call__(self, column_name: str, share: float, /) -> Any: ...


def starter_drafts(
    fields: Sequence[Column], settings: Settings, quantile: Quantile, *, is_approximate: bool = False
) -> list[SegmentDraft]:
    """Drafts of the starters that these fields can answer; each can be shown in the visual builder.

    Those with a limit from an approximate quantile say so.
    """
    view = _View(fields, settings, quantile, "About the" if is_approximate else "The")
    vip, risk = _vip(view), _high_churn_risk(view)
    drafts = (
        vip,
        risk,
        _vip_at_risk() if vip and risk else None,
        _new_customers(view),
        _sleeping(view),
        _champions(view),
        _reachable(view),
        _points_savers(view),
    )
    return [draft for draft in drafts if draft is not None]


def seed_starters(repository: SegmentRepository, drafts: Sequence[SegmentDraft]) -> list[Segment]:
    """Save the starters in a new state store; never again later, even if they were all deleted.

    The audit trail names the workbench, not whoever happened to come first.
    """
    with acting_as(Viewer(OWNER, frozenset())):
        return repository.create_once(drafts, actor=OWNER)


def make_starters(warehouse: Warehouse, engine: SegmentationEngine, repository: SegmentRepository) -> list[Segment]:
    """Create the starters that fit the features view where no segment was ever saved; they are not computed yet."""
    if repository.names():
        return []
    drafts = starter_drafts(
        engine.fields(),
        warehouse.settings,
        partial(quantile, warehouse),
        is_approximate=warehouse.dialect.uses_sketches,
    )
    return seed_starters(repository, drafts)


class _View:
    """The fields by the part they play."""

    def __init__(self, fields: Sequence[Column], settings: Settings, quantile: Quantile, share_of: str) -> None:
        self._features = [
            field for field in fields if field.group != GROUP and not field.name.startswith(SEGMENT_PREFIX)
        ]
        self._predictions = {field.name for field in fields if field.group == GROUP}
        self._settings = settings
        self._quantile = quantile
        self.share_of = share_of  # how a sentence about a share of customers begins

    def column(self, role: Role) -> Column | None:
        """The column of the features view that plays the role."""
        return column_for(role, self._features, self._settings)

    def prediction(self, name: str) -> str | None:
        """What rules call that prediction, None before the first scoring run."""
        field = field_name(name, {column.name for column in self._features})
        return field if field in self._predictions else None

    def top(self, column: Column, share: float) -> float | None:
        """The value from which customers are above `share` of all; None where that does not separate customers."""
        value = self._quantile(column.name, share)
        if value is None or not math.isfinite(value) or value <= 0:
            return None
        return int(value) if value == int(value) else round(float(value), 2)


def _vip(view: _View) -> SegmentDraft | None:
    tier = view.column("tier")
    top_tiers = _top_tiers(tier) if tier else ()
    if tier and top_tiers:
        description = f"Customers of the highest tiers: {', '.join(top_tiers)}."
        return _draft(_VIP, description, ("value",), BuilderCondition(tier.name, "one_of", top_tiers))
    revenue = view.column("revenue")
    least = view.top(revenue, _TOP_REVENUE) if revenue else None
    if revenue is None or least is None:
        return None
    description = f"{view.share_of} five percent of customers with the highest revenue."
    return _draft(_VIP, description, ("value",), BuilderCondition(revenue.name, "at_least", (least,)))


def _top_tiers(tier: Column) -> tuple[str, ...]:
    """The column's values that have a word of high rank in them."""
    values = (value for value, _ in tier.top_values if isinstance(value, str))
    return tuple(value for value in values if _TOP_TIERS.intersection(re.findall(r"\w+", value.lower())))


def _high_churn_risk(view: _View) -> SegmentDraft | None:
    if risk := view.prediction("churn_risk"):
        description = "Customers who are likely to stop buying, by the churn model."
        return _draft(_HIGH_CHURN_RISK, description, ("churn",), BuilderCondition(risk, "equals", ("high",)))
    score = view.column("churn_score")
    # A score beyond 1 is a percentage, or something else altogether.
    if score is None or (score.maximum is not None and score.maximum > 1):
        return None
    description = f"Customers whose churn score is above {_HIGH_CHURN_SCORE}."
    condition = BuilderCondition(score.name, "more", (_HIGH_CHURN_SCORE,))
    return _draft(_HIGH_CHURN_RISK, description, ("churn",), condition)


def _vip_at_risk() -> SegmentDraft:
    parts = [BuilderCondition(field_of(new_id(name, ())), "is_true") for name in (_VIP, _HIGH_CHURN_RISK)]
    return _draft("VIP at risk", "The best customers among those likely to leave.", ("churn", "value"), *parts)


def _new_customers(view: _View) -> SegmentDraft | None:
    description = f"Customers who joined in the last {_NEW_DAYS} days."
    if tenure := view.column("tenure"):
        condition = BuilderCondition(tenure.name, "at_most", (_NEW_DAYS,))
    elif signup := view.column("signup"):
        condition = BuilderCondition(signup.name, "in_last_days", (_NEW_DAYS,))
    else:
        return None
    return _draft("New customers", description, ("lifecycle",), condition)


def _sleeping(view: _View) -> SegmentDraft | None:
    recency, transactions = view.column("recency"), view.column("transactions")
    if recency is None:
        return None
    conditions = [BuilderCondition(recency.name, "more", (_SLEEPING_DAYS,))]
    if transactions:
        conditions.append(BuilderCondition(transactions.name, "at_least", (1,)))
    description = f"Customers who have bought before, and not for more than {_SLEEPING_DAYS} days."
    return _draft("Sleeping", description, ("lifecycle",), *conditions)


def _champions(view: _View) -> SegmentDraft | None:
    segment = view.prediction("rfm_segment")
    if segment is None:
        return None
    description = "Customers who bought just now, buy often and spend the most."
    return _draft("Champions", description, ("RFM", "value"), BuilderCondition(segment, "equals", ("Champions",)))


def _reachable(view: _View) -> SegmentDraft | None:
    verified = view.column("email_verified")
    if verified is None:
        return None
    description = "Customers with a verified e-mail address."
    return _draft("Reachable by e-mail", description, ("contact",), BuilderCondition(verified.name, "is_true"))


def _points_savers(view: _View) -> SegmentDraft | None:
    points = view.column("points")
    least = view.top(points, _TOP_POINTS) if points else None
    if points is None or least is None:
        return None
    description = f"{view.share_of} tenth of customers with the most points to redeem."
    return _draft("Points savers", description, ("points",), BuilderCondition(points.name, "at_least", (least,)))


def _draft(name: str, description: str, tags: tuple[str, ...], *conditions: BuilderCondition) -> SegmentDraft:
    return SegmentDraft(name, from_builder(BuilderGroup("all", conditions)), description, tags)
