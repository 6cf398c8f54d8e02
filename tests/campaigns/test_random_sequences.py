"""Random sequences of events, runs, pauses, opt-outs, restarts and clock changes, against a model of the rules.

The model decides in plain Python what the product decides in SQL. Whatever happens: caps are never passed, nobody in
the holdout is written to, and opt-outs are obeyed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, update

from loyalty_core.buckets import bucket
from loyalty_core.store.campaigns import CampaignEntryRecord, CampaignRecord, CampaignRunRecord
from loyalty_core.store.messages import ContactPreferenceRecord, OutboxRecord
from tests.campaigns.programme import NOW, Customer, Programme, open_programme

if TYPE_CHECKING:
    from loyalty_core.campaigns import Campaign

pytestmark = pytest.mark.extended

CUSTOMERS = (
    Customer("C1"),
    Customer("C2", email=None),
    Customer("C3", consent=False),
    Customer("C4", points=9_000, time_zone="Asia/Tokyo"),
    Customer("C5", preferred_channel="log"),
    Customer("C6", points=10),
    Customer("C7", time_zone="nowhere"),
    Customer("C8"),
)
BY_ID = {one.customer_id: one for one in CUSTOMERS}
OVERALL = (1, 5)

definitions = st.fixed_dictionaries(
    {
        "audience": st.sampled_from([{}, {"segment": "rich"}, {"segment": "rich", "exclude": ["richest"]}]),
        "channels": st.sampled_from([{"use": ["email"]}, {"use": ["email", "log"]}, {"use": ["log"]}]),
        "frequency": st.sampled_from([{"campaign": None}, {"campaign": {"messages": 1, "days": 3}}]),
        "re_entry": st.sampled_from([{"kind": "never"}, {"kind": "after_days", "days": 1}]),
        "holdout": st.sampled_from([{"share": 0}, {"share": 40}]),
        "budget": st.sampled_from([{}, {"messages": 3}, {"money": 2.0, "cost_per_message": 0.4}]),
        "quiet_hours": st.sampled_from([None, {"from": "21:00", "until": "08:00"}]),
    }
)


@dataclass
class Message:
    campaign_id: str
    customer_id: str
    queued_at: datetime
    counts: bool = True


@dataclass
class Model:
    """What has happened, as the rules need it."""

    messages: list[Message] = field(default_factory=list)
    entered: dict[tuple[str, str], tuple[datetime, bool]] = field(default_factory=dict)  # last entry: when, held out
    opted_out: set[tuple[str, str]] = field(default_factory=set)

    def decide(self, campaign: Campaign, ids: list[str], now: datetime) -> dict[str, str | None]:
        """The reason of each customer of the audience, None for those who get a message."""
        ordered = sorted(ids, key=lambda one: (int(bucket(campaign.salt, one) * 10_000), one))
        left = campaign.definition.budget.most_messages
        spent = sum(one.campaign_id == campaign.id and one.counts for one in self.messages)
        found: dict[str, str | None] = {}
        for customer_id in ordered:
            reason = self._reason(campaign, BY_ID[customer_id], now)
            if reason is None and left is not None:
                spent += 1
                reason = "budget" if spent > left else None
            found[customer_id] = reason
        return found

    def _reason(self, campaign: Campaign, customer: Customer, now: datetime) -> str | None:
        plan, key = campaign.definition, (campaign.id, customer.customer_id)
        if plan.audience.exclude and customer.points > 5_000:
            return "excluded"
        last = self.entered.get(key)
        if last and (plan.re_entry.kind == "never" or last[0] > now - timedelta(days=plan.re_entry.days)):
            return "re_entry"
        wanted = [one for one in plan.channels.use if not self._refuses(customer.customer_id, one)]
        if not customer.consent or not wanted:
            return "consent"
        if not any(one == "log" or customer.email for one in wanted):
            return "channel"
        cap = plan.frequency.campaign
        if cap and self._got(customer.customer_id, now, cap.days, campaign.id) >= cap.messages:
            return "campaign_cap"
        if self._got(customer.customer_id, now, OVERALL[1]) >= OVERALL[0]:
            return "overall_cap"
        held = last[1] if last else int(bucket(campaign.salt, customer.customer_id) * 10_000) < plan.holdout.share * 100
        return "holdout" if held else None

    def _refuses(self, customer_id: str, channel: str) -> bool:
        return bool({(customer_id, channel), (customer_id, "*")} & self.opted_out)

    def _got(self, customer_id: str, now: datetime, days: int, campaign_id: str | None = None) -> int:
        return sum(
            one.customer_id == customer_id
            and one.counts
            and one.queued_at > now - timedelta(days=days)
            and campaign_id in {None, one.campaign_id}
            for one in self.messages
        )

    def apply(self, campaign: Campaign, decided: dict[str, str | None], now: datetime) -> None:
        for customer_id, reason in decided.items():
            if reason in {None, "holdout"}:
                self.entered[campaign.id, customer_id] = now, reason == "holdout"
            if reason is None:
                self.messages.append(Message(campaign.id, customer_id, now))


class Sequences(RuleBasedStateMachine):
    """Two campaigns over the same customers; the state store is a file."""

    migrated: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.model, self.now, self.number = Model(), NOW, 0

    def teardown(self) -> None:
        self._close()
        shutil.rmtree(self.folder)

    @initialize(first=definitions, second=definitions)
    def begin(self, first: dict[str, Any], second: dict[str, Any]) -> None:
        shutil.copy(self.migrated, self.folder / "state.db")
        self.one = self._open(CUSTOMERS)
        self.campaigns = [
            self.one.campaign(name, **self._parts(parts)) for name, parts in (("First", first), ("Second", second))
        ]
        # The same holdout in each repetition of an example.
        with self.one.services.store.session() as session:
            session.execute(update(CampaignRecord).values(salt=CampaignRecord.id))

    @rule(which=st.integers(0, 1), ids=st.lists(st.sampled_from(sorted(BY_ID)), min_size=1, max_size=4))
    def events(self, which: int, ids: list[str]) -> None:
        campaign = self._campaign(which)
        services = self.one.services.campaigns
        candidates = services.candidates(campaign, ids)
        with self.one.services.store.session() as session:
            found = services.consider(session, campaign, candidates, "event:1", self.now)
        decided = {one.customer_id: one.reason for one in found}
        if campaign.state != "running":
            assert set(decided.values()) <= {"not_running"}
            return
        expected = self.model.decide(campaign, [one for one in self._audience(campaign) if one in ids], self.now)
        assert decided == expected
        self.model.apply(campaign, expected, self.now)

    @rule(which=st.integers(0, 1))
    def run(self, which: int) -> None:
        campaign = self._campaign(which)
        if campaign.state != "running":
            return
        expected = self.model.decide(campaign, self._audience(campaign), self.now)
        services = self.one.services
        estimate = services.campaigns.waterfall(campaign.definition, campaign, self.now)
        dry = services.campaigns.dry_run(campaign.definition, campaign, self.now)
        planned = {one.customer_id: one.reason for one in dry}
        made = services.campaign_runs.make(self._new_run(campaign), now=self.now)
        assert planned == expected
        assert made == estimate
        assert {reason: number for reason, number in estimate.removed.items() if number} == Counter(
            reason for reason in expected.values() if reason
        )
        self.model.apply(campaign, expected, self.now)

    @rule(which=st.integers(0, 1))
    def pause_or_resume(self, which: int) -> None:
        campaign, repository = self._campaign(which), self.one.services.campaigns.repository
        change = repository.pause if campaign.state == "running" else repository.resume
        change(campaign.id, actor="ann")

    @rule(customer=st.sampled_from(sorted(BY_ID)), channel=st.sampled_from(["*", "email"]), refuses=st.booleans())
    def choose(self, customer: str, channel: str, refuses: bool) -> None:
        with self.one.services.store.session() as session:
            session.merge(
                ContactPreferenceRecord(
                    customer_id=customer,
                    channel=channel,
                    may_contact=not refuses,
                    changed_at=self.now,
                    changed_by="preference page",
                )
            )
        (self.model.opted_out.add if refuses else self.model.opted_out.discard)((customer, channel))

    @rule(hours=st.integers(-3, 80))
    def change_the_clock(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @precondition(lambda self: any(one.counts for one in self.model.messages))
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        message = data.draw(st.sampled_from([one for one in self.model.messages if one.counts]))
        same = (
            OutboxRecord.campaign_id == message.campaign_id,
            OutboxRecord.customer_id == message.customer_id,
            OutboxRecord.queued_at == message.queued_at,
        )
        with self.one.services.store.session() as session:
            session.execute(update(OutboxRecord).where(*same).values(status="cancelled"))
        for one in self.model.messages:
            if (one.campaign_id, one.customer_id, one.queued_at) == (
                message.campaign_id,
                message.customer_id,
                message.queued_at,
            ):
                one.counts = False

    @rule()
    def restart(self) -> None:
        self._close()
        self.one = self._open(None)

    @invariant()
    def nobody_in_the_holdout_is_written_to(self) -> None:
        with self.one.services.store.session(read_only=True) as session:
            held = select(CampaignEntryRecord.id).where(CampaignEntryRecord.status == "holdout")
            assert session.scalars(select(OutboxRecord.id).where(OutboxRecord.entry_id.in_(held))).all() == []
            assert len(session.scalars(select(OutboxRecord.id)).all()) == len(self.model.messages)

    def _campaign(self, which: int) -> Campaign:
        return self.one.services.campaigns.repository.get(self.campaigns[which].id)

    def _audience(self, campaign: Campaign) -> list[str]:
        everyone = campaign.definition.audience.segment is None
        return [one.customer_id for one in CUSTOMERS if everyone or one.points > 1_000]

    def _parts(self, parts: dict[str, Any]) -> dict[str, Any]:
        variants = [
            {"name": "A", "share": 100, "messages": {"email": {"subject": "s", "body": "b"}, "log": {"body": "b"}}}
        ]
        return parts | {"variants": variants}

    def _new_run(self, campaign: Campaign) -> int:
        self.number += 1
        due_at = NOW + timedelta(seconds=self.number)
        with self.one.services.store.session() as session:
            record = CampaignRunRecord(
                campaign_id=campaign.id,
                due_at=due_at,
                started_at=due_at,
                started_by="ann",
                version=1,
                status="waiting",
            )
            session.add(record)
            session.flush()
            return record.id

    def _open(self, customers: Any) -> Programme:
        url = f"sqlite:///{self.folder / 'state.db'}"
        messages, days = OVERALL
        return open_programme(self.folder, url, customers, frequency_cap_messages=messages, frequency_cap_days=days)

    def _close(self) -> None:
        if hasattr(self, "one"):
            self.one.services.warehouse.close()
            self.one.services.store.close()


def check(migrated: Path, examples: int, steps: int) -> None:
    Sequences.migrated = migrated
    run_state_machine_as_test(
        Sequences,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_random_sequences_keep_to_the_rules(migrated_file: Path):
    check(migrated_file, examples=3, steps=20)


@pytest.mark.slow
def test_many_random_sequences_keep_to_the_rules(migrated_file: Path):
    check(migrated_file, examples=150, steps=40)
