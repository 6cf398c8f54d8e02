"""The suppression waterfall: each reason counted once, in order."""

from collections.abc import Callable
from datetime import timedelta

from loyalty_core.campaigns import Waterfall
from loyalty_core.store.campaigns import CampaignEntryRecord
from loyalty_core.store.messages import ContactPreferenceRecord, OutboxRecord
from tests.campaigns.programme import NOW, Customer, Programme, definition

Open = Callable[..., Programme]


def removed(found: Waterfall) -> dict[str, int]:
    return {reason: number for reason, number in found.removed.items() if number}


def test_everyone_who_can_be_reached_gets_a_message(programme: Open):
    one = programme(Customer("C1"), Customer("C2", email=None), Customer("C3", preferred_channel="log"))
    found = one.services.campaigns.waterfall(definition(), now=NOW)
    assert (found.audience, removed(found), found.to_send) == (3, {}, 3)
    assert found.by_channel == {"email": 1, "log": 2}


def test_the_audience_is_the_segments_without_those_excluded(programme: Open):
    one = programme(
        Customer("C1"), Customer("C2", points=9_000), Customer("C3", points=3), Customer("C4", points=8_000)
    )
    found = one.services.campaigns.waterfall(definition(audience={"segment": "rich", "exclude": ["richest"]}), now=NOW)
    assert (found.audience, removed(found), found.to_send) == (3, {"excluded": 2}, 1)


def test_a_blank_consent_is_no_consent_and_an_own_opt_out_goes_above_the_warehouse(programme: Open):
    one = programme(Customer("C1"), Customer("C2", consent=None), Customer("C3", consent=False), Customer("C4"))
    with one.services.store.session() as session:
        session.add(
            ContactPreferenceRecord(
                customer_id="C4", channel="*", may_contact=False, changed_at=NOW, changed_by="one-click"
            )
        )
    found = one.services.campaigns.waterfall(definition(), now=NOW)
    assert (removed(found), found.to_send) == ({"consent": 3}, 1)


def test_whoever_opted_out_of_one_channel_gets_the_next(programme: Open):
    one = programme(Customer("C1"), Customer("C2"))
    with one.services.store.session() as session:
        session.add(
            ContactPreferenceRecord(
                customer_id="C1", channel="email", may_contact=False, changed_at=NOW, changed_by="preference page"
            )
        )
    assert one.services.campaigns.waterfall(definition(), now=NOW).by_channel == {"email": 1, "log": 1}
    only_email = definition(channels={"use": ["email"]})
    assert removed(one.services.campaigns.waterfall(only_email, now=NOW)) == {"consent": 1}


def test_without_an_address_for_any_channel_a_customer_cannot_be_reached(programme: Open):
    one = programme(Customer("C1"), Customer("C2", email=" "), Customer("C3", email="no address"))
    found = one.services.campaigns.waterfall(definition(channels={"use": ["email"]}), now=NOW)
    assert (removed(found), found.to_send) == ({"channel": 2}, 1)


def test_quiet_hours_delay_in_each_customers_zone_and_an_unreadable_zone_drops_nobody(programme: Open):
    one = programme(Customer("C1"), Customer("C2", time_zone="Asia/Tokyo"), Customer("C3", time_zone="Mars/Olympus"))
    night = definition(quiet_hours={"from": "21:00", "until": "08:00"})
    found = one.services.campaigns.waterfall(night, now=NOW)  # 12:00 UTC is 21:00 in Tokyo
    assert (found.to_send, found.delayed, found.unreadable_zones) == (3, 1, 1)
    assert found.delayed_until == NOW + timedelta(hours=11)


def test_a_message_counts_towards_caps_unless_it_was_cancelled_or_failed(programme_anywhere: Open):
    one = programme_anywhere(Customer("C1"), Customer("C2"), Customer("C3"), frequency_cap_messages=2)
    campaign = one.campaign(frequency={"campaign": {"messages": 1, "days": 7}})
    with one.services.store.session() as session:
        session.add(message(campaign.id, "C1", 1))
        session.add(message(campaign.id, "C2", 2, status="cancelled"))
        session.add(message("other", "C3", 3))
        session.add(message("other", "C3", 4, status="sent"))
        session.add(message("other", "C2", 5, queued_at=NOW - timedelta(days=8)))
    found = one.services.campaigns.waterfall(campaign.definition, campaign, NOW)
    assert removed(found) == {"campaign_cap": 1, "overall_cap": 1}


def test_the_holdout_is_about_its_share_and_not_written_to(programme: Open):
    one = programme(*(Customer(f"C{number}") for number in range(400)))
    campaign = one.campaign(holdout={"share": 25})
    found = one.services.campaigns.waterfall(campaign.definition, campaign, NOW)
    assert 70 < found.removed["holdout"] < 130
    assert found.to_send == 400 - found.removed["holdout"]


def test_the_budget_limits_messages_and_money(programme: Open):
    one = programme(*(Customer(f"C{number}") for number in range(10)))
    budget = {"messages": 8, "money": 0.3, "cost_per_message": 0.1}
    campaign = one.campaign(budget=budget)
    with one.services.store.session() as session:
        session.add(message(campaign.id, "X", 1, status="sent"))
    found = one.services.campaigns.waterfall(campaign.definition, campaign, NOW)
    assert (found.to_send, removed(found)) == (2, {"budget": 8})


def test_who_entered_before_may_enter_again_after_the_days_of_the_rule(programme: Open):
    one = programme(Customer("C1"), Customer("C2"), Customer("C3"))
    campaign = one.campaign(re_entry={"kind": "after_days", "days": 10})
    with one.services.store.session() as session:
        session.add(entry(campaign.id, "C1", 9))
        session.add(entry(campaign.id, "C2", 11))
        session.add(entry(campaign.id, "C3", 1, status="suppressed"))
    found = one.services.campaigns.waterfall(campaign.definition, campaign, NOW)
    assert (removed(found), found.to_send) == ({"re_entry": 1}, 2)
    never = definition(re_entry={"kind": "never"})
    assert removed(one.services.campaigns.waterfall(never, campaign, NOW)) == {"re_entry": 2}


def test_the_steps_add_up(programme: Open):
    one = programme(Customer("C1"), Customer("C2", consent=False), Customer("C3", points=9_000))
    found = one.services.campaigns.waterfall(definition(audience={"exclude": ["richest"]}), now=NOW)
    assert [(step.removed, step.remaining) for step in found.steps][:3] == [(1, 2), (0, 2), (1, 1)]
    assert found.steps[-1].remaining == found.to_send == 1
    assert found.counts["audience"] == 3


def entry(campaign_id: str, customer_id: str, days_ago: int, **values: object) -> CampaignEntryRecord:
    return CampaignEntryRecord(
        **{
            "campaign_id": campaign_id,
            "customer_id": customer_id,
            "number": 1,
            "cause": "run:1",
            "version": 1,
            "entered_at": NOW - timedelta(days=days_ago),
            "status": "queued",
            "is_simulated": False,
            "variant": "A",
        }
        | values
    )


def message(campaign_id: str, customer_id: str, number: int, **values: object) -> OutboxRecord:
    return OutboxRecord(
        **{
            "campaign_id": campaign_id,
            "entry_id": number,
            "customer_id": customer_id,
            "channel": "log",
            "key": f"key-{number}",
            "version": 1,
            "queued_at": NOW - timedelta(days=1),
            "due_at": NOW,
            "status": "waiting",
            "attempts": 0,
            "is_simulated": False,
        }
        | values
    )
