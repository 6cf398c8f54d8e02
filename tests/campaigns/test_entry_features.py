"""Features are recorded as customers enter a campaign, in both arms, and are what an uplift model learns from."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import duckdb
import pytest

from loyalty_core.campaigns import NothingRecorded
from loyalty_core.campaigns.entry_features import forget_old_features
from loyalty_core.store.messages import MessageOutcomeRecord
from tests.campaigns.programme import NOW, Customer, Programme

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.campaigns import Campaign

    Open = Callable[..., Programme]

MAPPING = {"ml_feature_mapping": {"points": "points"}, "ml_model_input_size": 1}
CUSTOMERS = [Customer(f"C{number}", points=number) for number in range(40)]


def enter(one: Programme, campaign: Campaign, *names: str) -> list[str | None]:
    candidates = one.services.campaigns.candidates(campaign, names)
    with one.services.store.session() as session:
        decided = one.services.campaigns.consider(session, campaign, candidates, "event:1", NOW)
    return [decision.reason for decision in decided]


def test_both_arms_are_recorded_once_with_the_features_of_their_entry(programme_anywhere: Open, tmp_path: Path):
    one = programme_anywhere(*CUSTOMERS, **MAPPING)
    campaign, without_holdout = one.campaign(holdout={"share": 50}), one.campaign("All")
    names = [customer.customer_id for customer in CUSTOMERS]
    reasons = enter(one, campaign, *names[:30])
    assert set(reasons) == {None, "holdout"}
    enter(one, without_holdout, *names)
    recorder = one.services.campaigns.entry_features
    assert (recorder.record_new(NOW), recorder.record_new(NOW)) == (30, 0)
    one.services.warehouse.close()
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("UPDATE customers SET points = points + 1000")
    enter(one, campaign, *names[30:])
    assert recorder.record_new(NOW) == 10
    assert (recorder.recorded(campaign.id), recorder.recorded(without_holdout.id)) == (40, 0)
    assert sorted(recorder.table([campaign.id])["points"].to_pylist()) == [*range(30), *range(1030, 1040)]


def test_a_training_gets_the_outcomes_of_those_whose_time_is_over(programme: Open):
    one = programme(*CUSTOMERS, **MAPPING)
    campaign = one.campaign(holdout={"share": 50})
    names = [customer.customer_id for customer in CUSTOMERS]
    reasons = dict(zip(names, enter(one, campaign, *names), strict=True))
    campaigns = one.services.campaigns
    campaigns.entry_features.record_new(NOW)
    with one.services.store.session() as session:
        session.add(
            MessageOutcomeRecord(
                campaign_id=campaign.id, entry_id=1, customer_id="C0", kind="converted", occurred_at=NOW, event=1,
                is_simulated=False,
            )
        )  # fmt: skip
    history = campaigns.treatment_history([campaign.id])
    arms = {name: "0" if reasons[name] else "1" for name in names}
    found = dict(zip(history.customers.to_pylist(), history.labels.to_pylist(), strict=True))
    assert found == {name: f"{arm}/{int(name == 'C0')}" for name, arm in arms.items()}
    points = dict(zip(history.customers.to_pylist(), history.features["points"].to_pylist(), strict=True))
    assert points == {customer.customer_id: customer.points for customer in CUSTOMERS}
    assert set(history.dates.to_pylist()) == {date(2026, 3, 10)}
    assert history.channels == {"email": list(arms.values()).count("1")}
    assert history.source == "campaign Retention"


def test_who_entered_long_before_is_not_recorded_and_old_parts_are_removed(programme: Open):
    one = programme(*CUSTOMERS, **MAPPING)
    campaign = one.campaign(holdout={"share": 50})
    enter(one, campaign, "C1", "C2")
    recorder = one.services.campaigns.entry_features
    assert recorder.record_new(NOW + timedelta(days=2)) == 0
    with pytest.raises(NothingRecorded):
        one.services.campaigns.treatment_history([campaign.id])
    assert recorder.record_new(NOW) == 2
    with one.services.store.session() as session:
        forget_old_features(session, 1)
    assert recorder.recorded(campaign.id) == 0
