"""Events make customers enter campaigns, and say what became of messages."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from loyalty_core.analytics.offers import OfferTerms, Policy
from loyalty_core.campaigns import Definition
from loyalty_core.events.effects import MESSAGE_QUEUED, Effects, Traces
from loyalty_core.events.effects.campaigns import MembersChangedMeanwhile
from loyalty_core.ml.tasks import UPTAKE
from loyalty_core.services import Services
from loyalty_core.store.campaigns import CampaignEntryRecord
from loyalty_core.store.messages import MessageOutcomeRecord, OutboxRecord
from tests.events.effects.conftest import NOW, event, outputs

if TYPE_CHECKING:
    from loyalty_core.campaigns import Campaign
    from tests.events.effects.conftest import Programme

RICH = {">": [{"var": "total_revenue"}, 100]}
TEXT = {"log": {"subject": "", "body": "Hello"}}


def run(programme: Programme, name: str, trigger: dict[str, Any], **more: Any) -> Campaign:
    """A running campaign that writes to everybody by the log."""
    content = {
        "trigger": trigger,
        "variants": [{"name": "A", "share": 100, "messages": TEXT}],
        "channels": {"use": ["log"]},
        "holdout": {"share": 0},
        "re_entry": {"kind": "after_days", "days": 30},
        **more,
    }
    campaigns = programme.services.campaigns
    created = campaigns.repository.create(name, Definition.from_json(content), actor="ann")
    return campaigns.start(created.id, actor="ann")


def set_revenue(programme: Programme, amount: int, customer_id: str = "ann") -> None:
    programme.change(f"UPDATE customers SET total_revenue = {amount} WHERE customer_id = '{customer_id}'")


def stored(programme: Programme, record: Any) -> list[Any]:
    with programme.services.store.session(read_only=True) as session:
        return list(session.scalars(select(record).order_by(record.id)))


@pytest.fixture
def rich(programme: Programme) -> str:
    return programme.save("Rich", RICH)


def test_joining_a_segment_queues_a_message(programme: Programme, rich: str) -> None:
    campaign = run(programme, "Welcome", {"kind": "segment_joined", "segment": rich})
    set_revenue(programme, 150)
    programme.apply(event(1), event(2, "bob"))
    (message,) = stored(programme, OutboxRecord)
    assert (message.customer_id, message.channel, message.status) == ("ann", "log", "waiting")
    (entry,) = stored(programme, CampaignEntryRecord)
    trace = Traces(programme.services).get(1)
    assert entry.cause == "event:1"
    assert trace.scores is not None
    assert entry.churn_probability == trace.scores.after
    assert trace.outcome == "A message of Welcome was queued for log."
    assert trace.campaign_ids == (campaign.id,)
    assert outputs(trace)[MESSAGE_QUEUED]["key"] == message.key
    assert Traces(programme.services).get(2).campaign_ids == ()
    assert [one.event for one in Traces(programme.services).list(campaign_id=campaign.id)] == [1]


def test_a_segment_that_flaps_sends_once_and_cancels_nothing(programme: Programme, rich: str) -> None:
    run(programme, "Welcome", {"kind": "segment_joined", "segment": rich})
    for row, revenue in enumerate((150, 50, 150, 50, 150), start=1):
        set_revenue(programme, revenue)
        programme.apply(event(row))
    (message,) = stored(programme, OutboxRecord)
    assert message.status == "waiting"
    assert Traces(programme.services).get(3).outcome == ("Nothing was sent: the customer has entered Welcome before.")
    assert programme.services.segments.is_member(rich, "ann")


def test_the_trace_says_why_nothing_was_sent(programme: Programme, rich: str) -> None:
    refused = event(1, kind="campaign.unsubscribed", occurred_at=NOW - timedelta(days=1), data={"channel": "log"})
    programme.apply(refused)
    run(programme, "Welcome", {"kind": "segment_joined", "segment": rich})
    run(programme, "Not bob", {"kind": "event", "event_type": "customer.login"}, audience={"segment": rich})
    set_revenue(programme, 150)
    programme.apply(event(2), event(3, "cid", kind="customer.login"))
    unsubscribed, outside = Traces(programme.services).get(2), Traces(programme.services).get(3)
    assert unsubscribed.outcome == "Nothing was sent: the customer has not consented."
    assert outside.outcome == "Nothing was sent: the customer is not in the audience of Not bob."
    assert stored(programme, OutboxRecord) == []
    assert [one.status for one in stored(programme, CampaignEntryRecord)] == ["suppressed"]


def test_late_out_of_order_and_simulated_events_trigger_nothing(programme: Programme, rich: str) -> None:
    run(programme, "Login", {"kind": "event", "event_type": "customer.login"})
    run(programme, "Welcome", {"kind": "segment_joined", "segment": rich})
    set_revenue(programme, 150)
    programme.apply(event(1, kind="customer.login", is_late=True))
    programme.apply(event(2, kind="customer.login", is_out_of_order=True))
    programme.apply(event(3, kind="customer.login", is_simulated=True))
    assert stored(programme, OutboxRecord) == []
    assert "simulated" in Traces(programme.services).get(3).outcome
    programme.apply(event(4, kind="customer.login"))
    assert len(stored(programme, OutboxRecord)) == 1


def test_an_out_of_order_event_still_lets_customers_join(programme: Programme, rich: str) -> None:
    run(programme, "Welcome", {"kind": "segment_joined", "segment": rich})
    set_revenue(programme, 150)
    programme.apply(event(1, is_out_of_order=True))
    assert Traces(programme.services).get(1).outcome == "A message of Welcome was queued for log."


def test_two_events_at_once_trigger_a_campaign_once(programme: Programme) -> None:
    run(programme, "Login", {"kind": "event", "event_type": "customer.login"})
    programme.apply(event(1, kind="customer.login"), event(2, kind="customer.login"), event(3))
    assert [one.cause for one in stored(programme, CampaignEntryRecord)] == ["event:1"]
    assert Traces(programme.services).get(1).outcome == "A message of Login was queued for log."


def test_a_dry_run_queues_nothing_and_says_what_would_be(programme: Programme, rich: str) -> None:
    run(programme, "Welcome", {"kind": "segment_joined", "segment": rich})
    set_revenue(programme, 150)
    trace = programme.effects.dry_run(event(None))
    assert trace.outcome == "A message of Welcome was queued for log."
    assert stored(programme, OutboxRecord) == stored(programme, CampaignEntryRecord) == []


def test_what_happens_to_a_message_is_recorded_once(programme: Programme, rich: str) -> None:
    run(programme, "Welcome", {"kind": "segment_joined", "segment": rich})
    set_revenue(programme, 150)
    programme.apply(event(1))
    (message,) = stored(programme, OutboxRecord)
    said = {"message_id": message.key}
    later = NOW + timedelta(minutes=1)
    programme.apply(
        event(2, kind="campaign.opened", data=said, occurred_at=later),
        event(3, kind="transaction.created", data={"amount": 59.9}, occurred_at=later),
    )
    outcomes = stored(programme, MessageOutcomeRecord)
    assert [(one.kind, one.value, one.event) for one in outcomes] == [("opened", None, 2), ("converted", 59.9, 3)]
    assert outputs(Traces(programme.services).get(2))["Outcome recorded"]["campaigns"] == [message.campaign_id]


def test_a_success_is_any_event_that_a_campaign_names_also_one_saved_meanwhile(programme: Programme) -> None:
    later = NOW + timedelta(minutes=1)
    login = {"kind": "event", "event_type": "customer.login"}
    run(programme, "Welcome", login)
    programme.apply(event(1, kind="customer.login"))
    programme.apply(event(2, kind="tier.changed", occurred_at=later))
    assert stored(programme, MessageOutcomeRecord) == []
    run(programme, "Upgrade", login, conversion={"event_types": ["tier.changed"]})
    programme.apply(event(3, "bob", "customer.login"))
    programme.apply(event(4, "bob", "tier.changed", occurred_at=later))
    (outcome,) = stored(programme, MessageOutcomeRecord)
    assert (outcome.campaign_id, outcome.customer_id, outcome.event) == ("upgrade", "bob", 4)


def test_an_outcome_of_a_customer_who_is_not_in_the_warehouse_is_no_error(programme: Programme) -> None:
    programme.apply(event(1, "new", kind="campaign.opened", data={"campaign_id": "gone"}))
    assert Traces(programme.services).get(1).outcome.endswith("does not know the customer yet.")


def best_offer_campaign(programme: Programme, rich: str, **terms: OfferTerms) -> Campaign:
    policy = Policy({number: terms.get(f"offer_{number}", OfferTerms(value=1)) for number in (1, 2, 3)})
    saved = programme.services.policies.save("Likeliest", policy, actor="ann")
    trigger = {"kind": "segment_joined", "segment": rich}
    return run(programme, "Best", trigger, offer={"kind": "best", "policy": saved.id})


def conversions_now(programme: Programme, customer_id: str = "ann") -> dict[int, float]:
    row = programme.services.features.refresh([customer_id])[customer_id]
    found, _ = programme.services.inference.predict_rows({"nbo", "uptake"}, {customer_id: row})
    own = found[customer_id]
    return {number: own[f"offer_{number}"] * own[UPTAKE.score_column] for number in (1, 2, 3)}


def likeliest(conversions: dict[int, float]) -> int:
    return max(conversions, key=lambda one: conversions[one])


def offer_of_ann(programme: Programme) -> int | None:
    return next(one.offer_id for one in stored(programme, CampaignEntryRecord) if one.customer_id == "ann")


def test_the_best_offer_is_chosen_by_what_is_predicted_for_the_event(programme: Programme, rich: str) -> None:
    programme.score()
    scored = conversions_now(programme)
    campaign = best_offer_campaign(programme, rich)
    programme.change(
        "UPDATE customers SET total_revenue = 5000, avg_transaction_value = 900, transaction_count = 90 "
        "WHERE customer_id = 'ann'"
    )
    now = conversions_now(programme)
    assert likeliest(now) != likeliest(scored)
    programme.apply(event(1))
    assert offer_of_ann(programme) == likeliest(now)
    step = next(one for one in Traces(programme.services).get(1).steps if one.name == "Offer chosen")
    assert step.output["conversion_probabilities"] == {str(number): pytest.approx(one) for number, one in now.items()}
    assert step.note == "The best offer by the policy, as predicted for this event."
    programme.score()  # the choice of a whole audience, which is made in SQL
    (in_sql,) = programme.services.campaigns.candidates(campaign, ["ann"])
    assert in_sql.offer_id == likeliest(now)


def test_eligibility_and_caps_hold_for_offers_predicted_for_the_event(programme: Programme, rich: str) -> None:
    programme.score()
    set_revenue(programme, 5_000)
    now = conversions_now(programme)
    best, second, third = sorted(now, key=lambda one: -now[one])
    in_rich = {"==": [{"var": f"segment:{rich}"}, True]}
    terms = {
        f"offer_{best}": OfferTerms(value=1, cap=0),
        f"offer_{second}": OfferTerms(value=1, rule={"==": [{"var": "city"}, "Bergen"]}),
        f"offer_{third}": OfferTerms(value=1, rule=in_rich),
    }
    best_offer_campaign(programme, rich, **terms)
    programme.apply(event(1))
    assert offer_of_ann(programme) == third


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_segment_that_changes_before_the_effects_are_written_makes_the_event_wait(
    programme: Programme, kind: str, request: pytest.FixtureRequest
) -> None:
    if kind == "postgresql":
        stored_at = {"state_database_url": request.getfixturevalue("postgres_database")}
        services = Services(programme.services.settings.model_copy(update=stored_at))
        services.prepare_store()
        programme = replace(programme, services=services, effects=Effects(services, clock=lambda: NOW))
    rich = programme.save("Rich", RICH)
    run(programme, "Farewell", {"kind": "segment_left", "segment": rich})
    happened = event(1)
    prepared = programme.effects.prepare([happened])  # ann is no member, so she does not leave
    programme.services.segments.change_member(rich, "ann", belongs=True)
    with pytest.raises(MembersChangedMeanwhile), programme.services.store.session() as session:
        programme.effects.write(session, prepared)
    assert programme.members(rich) == {"ann", "bob"}
    programme.apply(happened)
    assert programme.members(rich) == {"bob"}
    assert [one.customer_id for one in stored(programme, OutboxRecord)] == ["ann"]
