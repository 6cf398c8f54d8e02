"""Customers enter campaigns, one by one or all at once: caps, holdout, re-entry and time zones."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from loyalty_core.campaigns import Campaign, Decision
from loyalty_core.store.campaigns import CampaignEntryRecord, CampaignRunRecord
from loyalty_core.store.messages import OutboxRecord
from tests.campaigns.programme import NOW, Customer, Programme

Open = Callable[..., Programme]


def enter(one: Programme, campaign: Campaign, *ids: str, now: datetime = NOW) -> list[Decision]:
    """What was decided about the customers, whom an event made enter."""
    candidates = one.services.campaigns.candidates(campaign, ids)
    with one.services.store.session() as session:
        return one.services.campaigns.consider(session, campaign, candidates, "event:1", now)


def run(one: Programme, campaign: Campaign, now: datetime = NOW) -> dict[str, int]:
    """The counts of a run over the whole audience, made in this process."""
    runs = one.services.campaign_runs
    begun = begin(one, campaign, now)
    found = runs.make(begun, now=now)
    assert found is not None
    return found.counts


def begin(one: Programme, campaign: Campaign, now: datetime) -> int:
    """A run that waits for its job."""
    with one.services.store.session() as session:
        record = CampaignRunRecord(
            campaign_id=campaign.id, due_at=now, started_at=now, started_by="ann", version=1, status="waiting"
        )
        session.add(record)
        session.flush()
        return record.id


def rows(one: Programme, record: Any) -> list[Any]:
    with one.services.store.session(read_only=True) as session:
        return list(session.scalars(sa.select(record).order_by(record.id)))


def test_an_entry_and_its_message_are_written_together(programme_anywhere: Open):
    one = programme_anywhere(Customer("C1", time_zone="Asia/Tokyo"), Customer("C2", consent=False))
    campaign = one.campaign(offer={"kind": "fixed", "offer_id": 3}, quiet_hours={"from": "21:00", "until": "08:00"})
    sent, refused = sorted(enter(one, campaign, "C1", "C2", "nobody"), key=lambda found: found.customer_id)
    assert (sent.reason, sent.variant, sent.offer_id, sent.channel) == (None, "A", 3, "email")
    assert sent.due_at == NOW + timedelta(hours=11)
    assert refused.outcome == "Nothing was sent: the customer has not consented."
    (message,) = rows(one, OutboxRecord)
    assert (message.key, message.entry_id, message.status) == (sent.key, sent.entry_id, "waiting")
    assert (message.due_at, message.expires_at) == (sent.due_at, NOW + timedelta(hours=11, days=14))
    first, second = rows(one, CampaignEntryRecord)
    assert (first.status, first.cause, first.number) == ("queued", "event:1", 1)
    assert (second.status, second.reason) == ("suppressed", "consent")


def test_a_run_writes_what_entering_one_by_one_writes(programme_anywhere: Open):
    # So many that the holdout, drawn anew each time, always leaves more than the budget.
    customers = [Customer(f"C{number}", consent=number % 3 > 0, time_zone="Asia/Tokyo") for number in range(90)]
    one = programme_anywhere(*customers)
    parts: dict[str, Any] = {
        "holdout": {"share": 30},
        "quiet_hours": {"from": "21:00", "until": "08:00"},
        "budget": {"messages": 9},
    }
    campaign = one.campaign(**parts)
    planned = one.services.campaigns.waterfall(campaign.definition, campaign, NOW)
    assert run(one, campaign) == planned.counts
    by_run = {(row.customer_id, row.channel, row.due_at, row.expires_at) for row in rows(one, OutboxRecord)}
    held = {row.customer_id for row in rows(one, CampaignEntryRecord) if row.status == "holdout"}
    assert len(by_run) == planned.to_send == 9
    assert len(held) == planned.removed["holdout"]
    with one.services.store.session() as session:
        session.execute(sa.delete(OutboxRecord))
        session.execute(sa.delete(CampaignEntryRecord))
    decided = enter(one, campaign, *(customer.customer_id for customer in customers))
    assert {row.customer_id for row in decided if row.reason == "holdout"} == held
    by_events = {(row.customer_id, row.channel, row.due_at, row.expires_at) for row in rows(one, OutboxRecord)}
    assert by_events == by_run


def test_the_same_customer_does_not_enter_twice(programme: Open):
    one = programme(Customer("C1"), Customer("C1"))
    campaign = one.campaign()
    assert run(one, campaign)["to_send"] == 1
    assert run(one, campaign, NOW + timedelta(seconds=1))["re_entry"] == 1
    (again,) = enter(one, campaign, "C1", "C1")
    assert again.outcome == "Nothing was sent: the customer has entered Retention before."
    assert len(rows(one, OutboxRecord)) == 1


def test_of_rows_with_the_same_id_the_one_without_consent_counts(programme_anywhere: Open):
    one = programme_anywhere(Customer("C1"), Customer("C1", consent=False), Customer("C1"))
    campaign = one.campaign(budget={"messages": 5})
    planned = one.services.campaigns.waterfall(campaign.definition, campaign, NOW)
    assert (planned.audience, planned.removed["consent"]) == (1, 1)
    (found,) = enter(one, campaign, "C1")
    assert found.reason == "consent"


def test_a_flapping_segment_does_not_send_again_within_the_wait(programme: Open):
    one = programme(Customer("C1"))
    campaign = one.campaign(
        trigger={"kind": "segment_joined", "segment": "rich"}, re_entry={"kind": "after_days", "days": 30}
    )
    reasons = [
        found.reason
        for days in (0, 1, 2, 29, 30, 31, 59, 61)
        for found in enter(one, campaign, "C1", now=NOW + timedelta(days=days))
    ]
    assert reasons == [None, "re_entry", "re_entry", "re_entry", None, "re_entry", "re_entry", None]
    assert [row.number for row in rows(one, CampaignEntryRecord)] == list(range(1, 9))


def test_a_holdout_customer_who_enters_by_another_way_stays_in_the_holdout(programme: Open):
    one = programme(*(Customer(f"C{number}") for number in range(40)))
    campaign = one.campaign(holdout={"share": 50}, re_entry={"kind": "after_days", "days": 1})
    run(one, campaign)
    held = {row.customer_id for row in rows(one, CampaignEntryRecord) if row.status == "holdout"}
    assert 8 < len(held) < 32
    repository = one.services.campaigns.repository
    without = campaign.definition.from_json(campaign.definition.to_json() | {"holdout": {"share": 0}})
    changed = repository.update(campaign.id, campaign.name, without, actor="ann", expected_version=1)
    later = enter(one, changed, *(f"C{number}" for number in range(40)), now=NOW + timedelta(days=2))
    assert {found.customer_id for found in later if found.reason == "holdout"} == held
    assert held.isdisjoint(row.customer_id for row in rows(one, OutboxRecord))


def test_two_workers_cannot_both_pass_a_cap(programme_anywhere: Open):
    one = programme_anywhere(Customer("C1"), frequency_cap_messages=1)
    campaigns = [one.campaign(name) for name in ("First", "Second", "Third")]
    prepared = [(campaign, one.services.campaigns.candidates(campaign, ["C1"])) for campaign in campaigns]
    together = Barrier(len(prepared), timeout=60)

    def work(index: int) -> str | None:
        campaign, candidates = prepared[index]
        together.wait()
        with one.services.store.session() as session:
            (found,) = one.services.campaigns.consider(session, campaign, candidates, f"event:{index}", NOW)
            return found.reason

    with ThreadPoolExecutor(len(prepared)) as pool:
        reasons = list(pool.map(work, range(len(prepared))))
    assert sorted(map(str, reasons)) == ["None", "overall_cap", "overall_cap"]
    assert len(rows(one, OutboxRecord)) == 1


def test_nobody_enters_a_campaign_that_is_not_running(programme: Open):
    one = programme(Customer("C1"))
    campaign = one.campaign()
    one.services.campaigns.repository.pause(campaign.id, actor="ann")
    (found,) = enter(one, campaign, "C1")
    assert (found.outcome, found.entry_id) == ("Nothing was sent: Retention is not running.", None)
    assert rows(one, CampaignEntryRecord) == []


def test_variants_share_the_customers_and_are_kept(programme: Open):
    one = programme(*(Customer(f"C{number}") for number in range(100)))
    text = {"log": {"body": "Hi"}}
    variants = [
        {"name": "A", "share": 50, "messages": text},
        {"name": "B", "share": 50, "offer_id": 7, "messages": text},
    ]
    campaign = one.campaign(variants=variants, channels={"use": ["log"]}, re_entry={"kind": "after_days", "days": 1})
    run(one, campaign)
    first = {row.customer_id: (row.variant, row.offer_id) for row in rows(one, CampaignEntryRecord)}
    assert {variant for variant, _ in first.values()} == {"A", "B"}
    assert {offer for variant, offer in first.values() if variant == "B"} == {7}
    assert 25 < sum(variant == "A" for variant, _ in first.values()) < 75
    swapped = campaign.definition.from_json(
        campaign.definition.to_json() | {"variants": [variants[0] | {"share": 1}, variants[1] | {"share": 99}]}
    )
    changed = one.services.campaigns.repository.update(
        campaign.id, campaign.name, swapped, actor="ann", expected_version=1
    )
    run(one, changed, NOW + timedelta(days=2))
    again = {row.customer_id: row.variant for row in rows(one, CampaignEntryRecord) if row.number == 2}
    assert again == {customer: variant for customer, (variant, _) in first.items()}


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "", "x" * 300])
def test_an_unreadable_time_zone_drops_nobody(programme: Open, zone: str):
    one = programme(Customer("C1", time_zone=zone), time_zone="Europe/Oslo")
    campaign = one.campaign(quiet_hours={"from": "12:30", "until": "14:00"})
    (found,) = enter(one, campaign, "C1")  # 12:00 UTC is 13:00 in Oslo
    assert (found.reason, found.due_at) == (None, NOW + timedelta(hours=1))
