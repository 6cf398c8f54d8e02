from collections.abc import Callable
from typing import Any

import pytest

from loyalty_core.rules import compile_rule, to_builder
from loyalty_core.segments import SegmentDraft, SegmentRepository
from loyalty_core.segments.predicted_fields import unscored_fields
from loyalty_core.segments.starters import seed_starters, starter_drafts
from loyalty_core.settings import Settings
from loyalty_core.store import StateStore, audit
from loyalty_core.warehouse import Column

SETTINGS = Settings(_env_file=None)


def column(name: str, kind: Any = "number", **facts: Any) -> Column:
    return Column(name, kind, "", name, **facts)


TIERS = column("customer_tier", "text", top_values=(("Bronze", 5), ("Gold", 2), ("Silver", 2), ("Platinum Plus", 1)))
DEMO = (
    TIERS,
    column("tenure_days"),
    column("total_revenue"),
    column("days_since_last_transaction"),
    column("transaction_count"),
    column("email_verified", "boolean"),
    column("churn_score", maximum=0.98),
    column("points_balance"),
)


def drafts(*fields: Column, quantile: Callable[[str, float], Any] = lambda name, share: 1200) -> dict[str, Any]:
    """The rules by name."""
    return {draft.name: draft.rule for draft in starter_drafts(fields, SETTINGS, quantile)}


def test_a_full_view_gets_every_starter():
    scored = unscored_fields({field.name for field in DEMO})
    assert drafts(*DEMO, *scored) == {
        "VIP": {"and": [{"in": [{"var": "customer_tier"}, ["Gold", "Platinum Plus"]]}]},
        "High churn risk": {"and": [{"==": [{"var": "churn_risk"}, "high"]}]},
        "VIP at risk": {
            "and": [{"==": [{"var": "segment:vip"}, True]}, {"==": [{"var": "segment:high-churn-risk"}, True]}]
        },
        "New customers": {"and": [{"<=": [{"var": "tenure_days"}, 90]}]},
        "Sleeping": {
            "and": [{">": [{"var": "days_since_last_transaction"}, 180]}, {">=": [{"var": "transaction_count"}, 1]}]
        },
        "Champions": {"and": [{"==": [{"var": "rfm_segment"}, "Champions"]}]},
        "Reachable by e-mail": {"and": [{"==": [{"var": "email_verified"}, True]}]},
        "Points savers": {"and": [{">=": [{"var": "points_balance"}, 1200]}]},
    }


def test_every_starter_can_be_drawn_bound_and_read():
    membership = [column("segment:vip", "boolean"), column("segment:high-churn-risk", "boolean")]
    signup = [column("signup_date", "date"), column("revenue")]
    for view in (DEMO, (*DEMO, *unscored_fields([])), signup):
        fields = (*view, *membership)
        for draft in starter_drafts(fields, SETTINGS, lambda name, share: 1234.5678):
            assert to_builder(draft.rule, fields) is not None, draft.name
            compile_rule(draft.rule, fields)
            assert draft.description.endswith(".")
            assert draft.description.count(". ") == 0
            assert draft.tags


def test_before_scoring_the_churn_score_of_the_view_serves():
    found = drafts(*DEMO)
    assert found["High churn risk"] == {"and": [{">": [{"var": "churn_score"}, 0.7]}]}
    assert "Champions" not in found
    assert "VIP at risk" in found


def test_a_view_with_columns_named_like_predictions_gets_the_predictions():
    own = [column("churn_risk", "text"), column("rfm_segment", "text")]
    found = drafts(*own, *unscored_fields({"churn_risk", "rfm_segment"}))
    assert found == {
        "High churn risk": {"and": [{"==": [{"var": "predicted_churn_risk"}, "high"]}]},
        "Champions": {"and": [{"==": [{"var": "predicted_rfm_segment"}, "Champions"]}]},
    }


def test_scores_of_the_predictions_play_no_part_of_the_view():
    assert set(drafts(*unscored_fields([]))) == {"High churn risk", "Champions"}


def test_without_tiers_of_high_rank_revenue_decides():
    asked = []

    def quantile(name: str, share: float) -> float:
        asked.append((name, share))
        return 1234.5678

    regions = column("tier", "text", top_values=(("A", 1), ("Marigold", 1)))
    found = drafts(regions, column("TotalCharges"), quantile=quantile)
    assert found["VIP"] == {"and": [{">=": [{"var": "TotalCharges"}, 1234.57]}]}
    assert asked == [("TotalCharges", 0.95)]


@pytest.mark.parametrize("threshold", [None, 0, -1.5, float("nan"), float("inf")])
def test_a_threshold_that_separates_nobody_makes_no_starter(threshold: float | None):
    found = drafts(column("revenue"), column("points"), quantile=lambda name, share: threshold)
    assert found == {}


def test_new_customers_by_the_day_they_joined():
    found = drafts(column("Signup Date", "date"))
    assert found == {"New customers": {"and": [{"<=": [{"today": -89}, {"var": "Signup Date"}, {"today": 0}]}]}}


def test_sleeping_without_a_count_of_purchases():
    assert drafts(column("recency_days")) == {"Sleeping": {"and": [{">": [{"var": "recency_days"}, 180]}]}}


def test_a_churn_score_in_percent_is_left_alone():
    assert drafts(column("churn_score", maximum=97)) == {}


def test_columns_of_another_kind_are_left_alone():
    assert drafts(column("email_verified", "text"), column("tenure_days", "text"), column("customer_tier")) == {}


def test_a_limit_from_an_approximate_quantile_is_said_to_be_one():
    described = [
        draft.description
        for draft in starter_drafts(DEMO, SETTINGS, lambda name, share: 100, is_approximate=True)
        if draft.name == "Points savers"
    ]
    assert described == ["About the tenth of customers with the most points to redeem."]


STARTERS = starter_drafts(DEMO, SETTINGS, lambda name, share: 100)


def test_a_new_store_gets_the_starters(store: StateStore, repository: SegmentRepository):
    created = seed_starters(repository, STARTERS)
    assert [segment.id for segment in created] == [
        "high-churn-risk",
        "new-customers",
        "points-savers",
        "reachable-by-e-mail",
        "sleeping",
        "vip",
        "vip-at-risk",
    ]
    assert {segment.owner for segment in created} == {"Workbench"}
    assert [use.id for use in repository.uses("vip")] == ["vip-at-risk"]
    with store.session(read_only=True) as session:
        (done,) = audit.recent(session, action="starters created")
    assert (done.actor, done.place, len(done.details["ids"])) == ("Workbench", "", 7)


def test_starters_are_made_once_ever(repository: SegmentRepository):
    for segment in seed_starters(repository, STARTERS):
        if segment.id not in {"vip", "high-churn-risk"}:
            repository.delete(segment.id, actor="ann")
    repository.delete("vip", actor="ann")
    repository.delete("high-churn-risk", actor="ann")
    assert seed_starters(repository, STARTERS) == []
    assert repository.names() == {}


def test_without_fields_nothing_is_done_and_a_later_start_does_it(repository: SegmentRepository):
    assert seed_starters(repository, []) == []
    assert len(seed_starters(repository, STARTERS)) == 7


def test_segments_that_are_there_stay_as_they_are(repository: SegmentRepository):
    own = repository.create(SegmentDraft("vip", {}), actor="ann")
    assert "vip" not in [segment.id for segment in seed_starters(repository, STARTERS)]
    assert repository.get("vip") == own


def test_a_starter_that_reads_a_segment_that_is_not_there_is_left_out(repository: SegmentRepository):
    at_risk = [draft for draft in STARTERS if draft.name in {"VIP at risk", "Sleeping"}]
    assert [segment.id for segment in seed_starters(repository, at_risk)] == ["sleeping"]
