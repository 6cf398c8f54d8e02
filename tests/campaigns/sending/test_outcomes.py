from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from loyalty_core.campaigns.sending import outcome_of_event, record_outcome
from loyalty_core.campaigns.sending.history import history
from loyalty_core.campaigns.sending.history_command import main as history_command
from loyalty_core.events.types import TYPES
from loyalty_core.store.campaigns import CampaignEntryRecord
from loyalty_core.store.messages import ContactPreferenceRecord, MessageOutcomeRecord, OutboxRecord
from tests.campaigns.sending.conftest import Post

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)


def enter(post: Post, customer: str, status: str = "queued", campaign_id: str = "spring", *, at: datetime = AT) -> int:
    """An entry, with a message that was sent where it is not of the holdout."""
    with post.store.session() as session:
        entry = CampaignEntryRecord(
            campaign_id=campaign_id,
            customer_id=customer,
            number=1,
            entered_at=at,
            cause="run:1",
            version=1,
            status=status,
            variant="A",
            offer_id=3,
            churn_probability=0.8,
            is_simulated=False,
        )
        session.add(entry)
        session.flush()
        entry_id = entry.id
    if status == "queued":
        values = {"status": "sent", "sent_at": at + timedelta(minutes=1)}
        [message] = post.queue(customer, channel="email", campaign_id=campaign_id, **values)
        post.change(message, entry_id=entry_id, key=f"key-of-{customer}-{campaign_id}")
    return entry_id


def record(post: Post, event_type: str, customer: str, *, days: float = 1, event: int = 1, **data: Any) -> str:
    outcome = outcome_of_event(event_type, customer, AT + timedelta(days=days), data, event=event)
    with post.store.session() as session:
        return record_outcome(session, outcome).note


def outcomes(post: Post) -> list[tuple[str, str, str, str | None, float | None]]:
    with post.store.session(read_only=True) as session:
        rows = session.scalars(select(MessageOutcomeRecord).order_by(MessageOutcomeRecord.id))
        return [(row.campaign_id, row.customer_id, row.kind, row.channel, row.value) for row in rows]


def refused(post: Post) -> set[tuple[str, str]]:
    with post.store.session(read_only=True) as session:
        return {(row.customer_id, row.channel) for row in session.scalars(select(ContactPreferenceRecord))}


def test_outcomes_belong_to_the_message_that_the_event_names(post: Post):
    enter(post, "A")
    key = "key-of-A-spring"
    for event, kind in enumerate(["delivered", "opened", "clicked"], start=1):
        record(post, f"campaign.{kind}", "A", event=event, message_id=key)
    record(post, "campaign.opened", "A", event=2, message_id=key)
    assert record(post, "campaign.opened", "B", event=9, message_id=key) == (
        "The message is not known, or was for another customer."
    )
    assert outcomes(post) == [("spring", "A", kind, "email", None) for kind in ("delivered", "opened", "clicked")]


def test_purchases_within_the_window_count_for_holdout_and_others_alike(post: Post):
    post.campaign("autumn", conversion={"event_types": ["tier.changed"], "within_days": 2})
    enter(post, "A")
    enter(post, "B", "holdout")
    enter(post, "A", campaign_id="autumn")
    enter(post, "C", "suppressed")
    for event, customer in enumerate("ABC", start=1):
        record(post, "transaction.created", customer, event=event, amount=59.9)
    record(post, "transaction.created", "A", event=4, days=15, amount=10)
    record(post, "transaction.created", "A", event=5, days=-1, amount=10)
    record(post, "tier.changed", "A", event=6, days=1.5)
    record(post, "tier.changed", "A", event=7, days=2.5)
    assert outcomes(post) == [
        ("spring", "A", "converted", "email", 59.9),
        ("spring", "B", "converted", None, 59.9),
        ("autumn", "A", "converted", "email", None),
    ]


def test_a_conversion_can_name_the_campaign(post: Post):
    post.campaign("autumn")
    enter(post, "A")
    enter(post, "A", campaign_id="autumn")
    record(post, "campaign.converted", "A", campaign_id="autumn", value=5)
    assert outcomes(post) == [("autumn", "A", "converted", "email", 5.0)]


@pytest.mark.parametrize(
    ("event_type", "data", "expected"),
    [
        ("campaign.bounced", {"kind": "hard"}, {("A", "email")}),
        ("campaign.bounced", {"kind": "soft"}, set()),
        ("campaign.unsubscribed", {}, {("A", "email")}),
        ("campaign.bounced", {"reason": "hard"}, set()),
    ],
)
def test_only_hard_bounces_and_unsubscriptions_stop_messages(
    post: Post, event_type: str, data: dict[str, Any], expected: set[tuple[str, str]]
):
    enter(post, "A")
    record(post, event_type, "A", message_id="key-of-A-spring", **data)
    assert refused(post) == expected


@pytest.mark.parametrize("event_type", [one for one in TYPES if one != "campaign.unsubscribed"] + ["custom.auto_reply"])
def test_an_automatic_reply_and_a_prefetch_opt_nobody_out(post: Post, event_type: str):
    """Whatever is reported of them, in whatever words: people unsubscribe by themselves, and addresses bounce hard."""
    enter(post, "A")
    says = {
        "subject": "Automatic reply: unsubscribe",
        "reason": "Out of office",
        "url": "https://example.com/unsubscribe",
    }
    record(post, event_type, "A", message_id="key-of-A-spring", tier="Gold", points=5, **says)
    assert refused(post) == set()
    [message] = post.queue("A", channel="log")
    post.sender().send_due()
    assert post.message(message).status == "sent"


def test_an_unsubscription_without_a_message_is_for_its_channel_or_for_all(post: Post):
    record(post, "campaign.unsubscribed", "A", channel="email")
    record(post, "campaign.unsubscribed", "B")
    assert refused(post) == {("A", "email"), ("B", "*")}


def test_an_older_event_does_not_undo_a_later_choice(post: Post):
    with post.store.session() as session:
        choice = {"customer_id": "A", "channel": "email", "may_contact": True, "changed_by": "preference page"}
        session.add(ContactPreferenceRecord(**choice, changed_at=AT + timedelta(days=3)))
    assert record(post, "campaign.unsubscribed", "A", channel="email").endswith("has chosen otherwise since.")
    with post.store.session(read_only=True) as session:
        assert session.get_one(ContactPreferenceRecord, ("A", "email")).may_contact is True


def test_the_history_has_treated_and_control_and_leaves_out_what_was_not_sent(post: Post):
    now = datetime.now(UTC)
    enter(post, "A")
    enter(post, "B", "holdout", at=now)
    enter(post, "C", "suppressed")
    failed = enter(post, "D")
    with post.store.session() as session:
        session.scalars(select(OutboxRecord).where(OutboxRecord.entry_id == failed)).one().status = "failed"
    record(post, "transaction.created", "A", event=1, amount=50)
    record(post, "transaction.created", "A", event=2, amount=25)
    rows = [row for batch in history(post.store) for row in batch.to_pylist()]
    treated, control = rows
    assert treated == {
        "campaign_id": "spring",
        "entry_id": 1,
        "customer_id": "A",
        "created_at": AT,
        "offer_id": 3,
        "variant": "A",
        "channel": "email",
        "sent_at": AT + timedelta(minutes=1),
        "treated": True,
        "converted": True,
        "value": 75.0,
        "churn_probability": 0.8,
        "is_final": now > AT + timedelta(days=14),
        "is_simulated": False,
    }
    assert (control["customer_id"], control["treated"], control["converted"]) == ("B", False, False)
    assert (control["is_final"], control["channel"]) == (False, None)


@pytest.mark.parametrize("name", ["history.parquet", "history.csv"])
def test_the_history_is_written_to_a_file(
    post: Post, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    enter(post, "A")
    monkeypatch.setattr("loyalty_core.campaigns.sending.history_command.get_settings", post.settings)
    assert history_command(["--out", name]) == 0
    assert capsys.readouterr().out == f"1 rows in {name}\n"
    if name.endswith("parquet"):
        assert pq.read_table(name).column("customer_id").to_pylist() == ["A"]
    else:
        assert Path(name).read_text("utf-8").splitlines()[1].startswith('"spring",1,"A",')
    assert history_command(["--out", "no/such/folder/x.csv"]) == 1
    assert "error: no/such/folder/x.csv cannot be written" in capsys.readouterr().err
