"""Whoever may not see personal data sees no group below the set size, whatever is asked, and no customer alone."""

from __future__ import annotations

import io
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from loyalty_core.access import Scope as ViewerScope
from loyalty_core.access import Viewer
from loyalty_core.analytics.churn.figures import read_curve, read_loss_bins
from loyalty_core.analytics.churn.groups import risk_by_category, risk_by_tenure, sample_ids
from loyalty_core.analytics.churn.selection import customers_by_loss
from loyalty_core.analytics.offers import OfferTerms, Policy, arbitrate, bind_policy
from loyalty_core.analytics.offers.customer_offers import customer_offers
from loyalty_core.analytics.offers.mix import offer_mix
from loyalty_core.analytics.overview import read_outlook
from loyalty_core.analytics.rfm.figures import read_rfm
from loyalty_core.analytics.rfm.preview import preview_change
from loyalty_core.analytics.scope import Scope, ScopedBase
from loyalty_core.segments import RestrictedEngine, RestrictedSegments, SegmentationEngine, SegmentRepository
from loyalty_core.settings import Settings
from loyalty_core.store import StateStore
from loyalty_core.warehouse import (
    FeatureStore,
    GroupsOnly,
    GroupTooSmall,
    RestrictedWarehouse,
    Restriction,
    Warehouse,
    restriction_of,
)
from loyalty_core.warehouse.columns import customers_by_month, histogram, large_groups, percentile_ranks, quantile
from loyalty_core.warehouse.customers import Transactions, key_figures, top_customers
from tests.segments.scored import keep
from tests.workbench import DEMO_CUSTOMERS, GUIDE_CUSTOMER, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SMALLEST = 150
HER = {"==": [{"var": "customer_id"}, GUIDE_CUSTOMER]}
NOBODY = {"==": [{"var": "customer_id"}, "nobody"]}
GOLD = {"in": [{"var": "customer_tier"}, ["Gold", "Platinum"]]}
# What is read for figures that hide small groups themselves; each is asked below.
ASKING_UNGUARDED = {
    "analytics/overview.py",
    "segments/predicted_fields.py",
    "segments/restricted.py",  # sizes in a scope
    "segments/selection.py",
    "warehouse/connection.py",
    "warehouse/customers/key_figures.py",
    "warehouse/predictions/relation.py",  # when the last scoring was, and by which model
    "warehouse/restricted.py",
    "warehouse/source.py",  # the newest date of the data
}


@dataclass(frozen=True)
class Seen:
    """The demo as a viewer sees it, for whom small groups are hidden."""

    warehouse: Warehouse
    engine: SegmentationEngine
    segments: SegmentRepository
    whole: SegmentationEngine

    @property
    def base(self) -> ScopedBase:
        return ScopedBase(self.warehouse, self.engine, Scope())

    @property
    def features(self) -> FeatureStore:
        return FeatureStore(self.warehouse)

    @property
    def purchases(self) -> Transactions:
        found = Transactions.find(self.warehouse)
        assert found is not None
        return found


@pytest.fixture
def seen(scored_demo: Warehouse, migrated_file: Path, tmp_path: Path) -> Iterator[Seen]:
    warehouse = RestrictedWarehouse(scored_demo, Restriction(None, hides_personal_data=True, smallest_group=SMALLEST))
    with StateStore(f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'state.db')}") as store:
        whole = SegmentationEngine(scored_demo, SegmentRepository(store, lambda: scored_demo.identity))
        segments = RestrictedSegments(store, warehouse)
        yield Seen(warehouse, RestrictedEngine(warehouse, segments, whole), segments, whole)


EVERYTHING: dict[str, Callable[[Seen], Any]] = {
    "histogram": lambda seen: histogram(seen.warehouse, "age"),
    "histogram of a prediction": lambda seen: seen.engine.histogram("churn_probability"),
    "quantile": lambda seen: quantile(seen.warehouse, "total_revenue", 0.99),
    "months": lambda seen: customers_by_month(seen.warehouse, "signup_date"),
    "ranks": lambda seen: percentile_ranks(seen.warehouse, {"age": 40}),
    "top customers": lambda seen: top_customers(seen.warehouse),
    "features": lambda seen: seen.features.get(GUIDE_CUSTOMER),
    "search": lambda seen: seen.features.search("a"),
    "found": lambda seen: seen.features.count_found("a"),
    "spend": lambda seen: seen.purchases.by_month(),
    "purchases": lambda seen: seen.purchases.latest(GUIDE_CUSTOMER),
    "members": lambda seen: seen.engine.members({}),
    "matches": lambda seen: seen.engine.matches(GOLD, GUIDE_CUSTOMER),
    "explanation": lambda seen: seen.engine.select(GOLD).explain(GUIDE_CUSTOMER),
    "belonging": lambda seen: seen.engine.select(GOLD).belonging([GUIDE_CUSTOMER]),
    "profile": lambda seen: seen.engine.profile(GOLD),
    "agreement": lambda seen: seen.engine.select(GOLD).agreement(),
    "ids": lambda seen: list(seen.engine.select(GOLD).ids()),
    "stream": lambda seen: list(seen.engine.select(GOLD).stream()),
    "export": lambda seen: seen.engine.select({}).export(io.BytesIO(), "csv"),
    "overlap": lambda seen: seen.engine.overlap({"gold": GOLD, "her": HER}),
    "counts": lambda seen: seen.engine.count_each({"her": HER}),
    "marks": lambda seen: seen.warehouse.fetch_arrow(
        seen.engine.marked_customers([seen.engine.compile(GOLD)], ["customer_id"])
    ),
    "a member": lambda seen: seen.segments.is_member("gold", GUIDE_CUSTOMER),
    "memberships": lambda seen: seen.segments.memberships(GUIDE_CUSTOMER),
    "curve": lambda seen: read_curve(seen.base, "total_revenue"),
    "losses": lambda seen: read_loss_bins(seen.base, "total_revenue"),
    "risk by category": lambda seen: risk_by_category(seen.base, "city", 10),
    "risk by tenure": lambda seen: risk_by_tenure(seen.base, "tenure_days"),
    "sample": lambda seen: sample_ids(seen.base, DEMO_CUSTOMERS, 10),
    "table of losses": lambda seen: customers_by_loss(seen.base, "total_revenue", ("customer_id",), None, 5, 0),
    "RFM": lambda seen: read_rfm(seen.base),
    "RFM map": lambda seen: preview_change(seen.warehouse, None, None),
    "offers": lambda seen: offer_mix(seen.base, {}),
    "arbitration": lambda seen: arbitrate(seen.base, bind_policy(Policy({1: OfferTerms()}), seen.engine)),
    "offers of one": lambda seen: customer_offers(
        seen.base, bind_policy(Policy({1: OfferTerms()}), seen.engine), GUIDE_CUSTOMER
    ),
    "a count of anything": lambda seen: seen.warehouse.rows(
        sa.select(sa.func.count()).select_from(seen.warehouse.features)
    ),
    "a view without masks": lambda seen: FeatureStore(seen.warehouse.unmasked).get(GUIDE_CUSTOMER),
}


def test_what_does_not_hide_small_groups_is_refused(seen: Seen):
    keep(seen.whole, "Gold", GOLD)
    answered = []
    for name, ask in EVERYTHING.items():
        try:
            ask(seen)
        except GroupsOnly as refused:
            assert f"at least {SMALLEST} customers" in str(refused)
        else:
            answered.append(name)
    assert answered == []


def test_only_these_modules_ask_without_the_guard():
    folder = ROOT / "loyalty_core"
    asking = {str(file.relative_to(folder)) for file in folder.rglob("*.py") if ".unguarded" in file.read_text()}
    definitions = {"warehouse/connection.py"}
    assert asking | definitions == ASKING_UNGUARDED


@pytest.mark.parametrize(
    "rule", [HER, NOBODY, {"!": HER}, {"!": NOBODY}, {"and": [GOLD, HER]}, {"or": [GOLD, {"!": HER}]}]
)
def test_a_small_group_is_not_counted_nor_what_it_leaves(seen: Seen, rule: Any):
    selection = seen.engine.select(rule)
    for count in (selection.count, selection.size, selection.preview):
        with pytest.raises(GroupTooSmall, match=f"Fewer than {SMALLEST} customers match, or all but fewer"):
            count()


def test_large_groups_are_counted_without_a_funnel(seen: Seen, scored_demo: Warehouse):
    rule = {"and": [GOLD, {">": [{"var": "age"}, 0]}]}
    expected = SegmentationEngine(scored_demo).select(rule).preview()
    assert SMALLEST <= expected.members <= DEMO_CUSTOMERS - SMALLEST and expected.steps and expected.conditions
    found = seen.engine.select(rule).preview()
    assert (found.members, found.customers) == (expected.members, DEMO_CUSTOMERS)
    assert (found.steps, found.conditions) == ((), ())
    assert seen.engine.count({}) == DEMO_CUSTOMERS


def test_columns_have_the_values_of_large_groups_alone(seen: Seen, scored_demo: Warehouse):
    whole, columns = {one.name: one for one in scored_demo.columns()}, seen.warehouse.columns()
    assert any(count < SMALLEST for _, count in whole["city"].top_values)
    assert [one.name for one in columns if one.minimum is not None or one.maximum is not None or one.out_of_range] == []
    for column in (*columns, *seen.engine.fields()):
        filled = DEMO_CUSTOMERS * (1 - (column.blanks or 0))
        counts = [count for _, count in column.top_values]
        assert all(count >= SMALLEST for count in counts)
        assert not 0 < filled - sum(counts) < SMALLEST or not counts, column
    assert dict(seen.warehouse.catalog().columns[0].top_values) == {}
    assert next(one for one in columns if one.name == "customer_tier").top_values != ()


def test_what_is_left_tells_no_group():
    counts = {"a": 500, "b": 200, "c": 3}
    assert large_groups(counts, 703, 5) == {"a": 500}  # with b, c would be the rest
    assert large_groups(counts, 710, 5) == {"a": 500, "b": 200}
    assert large_groups(counts, 700, 5) == {"a": 500, "b": 200}
    assert large_groups({"a": 4}, 4, 5) == {}


def test_key_figures_and_the_outlook_leave_small_groups_out(seen: Seen, scored_demo: Warehouse):
    assert key_figures(seen.warehouse).revenue == key_figures(scored_demo).revenue
    whole, outlook = read_outlook(scored_demo), read_outlook(seen.warehouse)
    assert whole is not None and outlook is not None
    assert min(one.customers for one in whole.rfm_segments) < SMALLEST
    assert outlook.rfm_segments and all(one.customers >= SMALLEST for one in outlook.rfm_segments)
    assert outlook.before is None
    scope = ViewerScope.of(HER)
    alone = RestrictedWarehouse(scored_demo, Restriction(scope, hides_personal_data=True, smallest_group=SMALLEST))
    for ask in (key_figures, read_outlook, lambda warehouse: SegmentationEngine(warehouse).count({})):
        with pytest.raises(GroupTooSmall):
            ask(alone)
    assert alone.catalog().customers is None
    assert [one.name for one in alone.columns() if one.blanks is not None or one.top_values] == []


def test_sizes_of_segments_say_fewer_than(seen: Seen):
    rules = {"Gold": GOLD, "Her": HER, "Others": {"!": HER}, "Everybody": {}}
    large, small, rest, everybody = (keep(seen.whole, name, rule).id for name, rule in rules.items())
    for segment_id in (large, small, rest, everybody):
        seen.whole.refresh(segment_id)
    found = {one.id: one for one in seen.segments.list()}
    assert {one.id: (one.size is None, one.fewer_than) for one in found.values()} == {
        large: (False, None),
        small: (True, SMALLEST),
        rest: (True, SMALLEST),
        everybody: (False, None),
    }
    size = found[large].size
    assert size is not None and (size.joined, size.left, found[large].sizes_recent) == (None, None, ())
    assert seen.segments.sizes(large) == []
    with pytest.raises(GroupTooSmall):
        seen.engine.refresh(small)
    assert seen.engine.near_duplicates(GOLD) == ()


@pytest.mark.parametrize(("roles", "is_guarded"), [("viewer", True), ("data_scientist", True), ("analyst", False)])
def test_whoever_may_see_personal_data_sees_small_groups(roles: str, is_guarded: bool):
    settings = Settings(smallest_group_shown=5)
    restriction = restriction_of(Viewer("ann", frozenset({roles}), ViewerScope.of(GOLD)), settings)
    assert restriction is not None
    assert restriction.smallest_group == (5 if is_guarded else 0)
    off = restriction_of(Viewer("ann", frozenset({"viewer"})), Settings())
    assert off is not None and (off.smallest_group, off.key) == (0, "all-masked")
