from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from loyalty_core.access import NotAllowed, Viewer, acting_as
from loyalty_core.campaigns.sending import MessageNotFound, NotInDoubt, what_messages_wait_for
from loyalty_core.campaigns.sending.outbox import back_off
from loyalty_core.settings import Settings
from loyalty_core.store import audit
from loyalty_core.store.messages import OutboxRecord
from tests.campaigns.sending.conftest import Post

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.store import StateStore
    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.receivers import Receiver

ANN = Viewer("ann", frozenset({"analyst"}))


def test_two_senders_send_each_message_once(
    store: StateStore, open_warehouse: Callable[..., Warehouse], customers_file: Path, receiver: Receiver
):
    post = Post(store, open_warehouse, f"duckdb:///{customers_file}")
    post.campaign()
    post.uses(webhook_url=receiver.url)
    post.queue(*("AB" * 30), channel="webhook")
    senders = [post.sender(), post.sender()]

    def send_all(number: int) -> None:
        while senders[number].send_due():
            pass

    with ThreadPoolExecutor() as pool:
        list(pool.map(send_all, range(2)))
    while any(sender.send_due() for sender in senders):
        pass
    assert sorted(receiver.ids) == sorted(f"key-{number}" for number in range(1, 61))
    with store.session(read_only=True) as session:
        records = session.scalars(select(OutboxRecord)).all()
    assert {(record.status, record.attempts) for record in records} == {("sent", 1)}


def test_a_message_in_doubt_is_resolved_by_a_person(post: Post):
    again, sent = post.queue("A", "B", status="in_doubt", attempts=6)
    outbox = post.sender().outbox
    with acting_as(ANN):
        assert outbox.resolve(again, "send_again").status == "waiting"
        assert outbox.resolve(sent, "mark_as_sent").status == "sent"
        with pytest.raises(NotInDoubt, match="Its status is sent"):
            outbox.resolve(sent, "send_again")
        with pytest.raises(MessageNotFound):
            outbox.resolve(99, "send_again")
    with acting_as(Viewer("vera", frozenset({"viewer"}))), pytest.raises(NotAllowed):
        outbox.resolve(again, "send_again")
    assert (post.message(again).attempts, post.message(again).possible_copies) == (0, 1)
    assert post.message(sent).reason == "Marked as sent by ann."
    assert post.sender().send_due() == 1
    assert post.statuses() == {"A": "sent", "B": "sent"}
    with post.store.session(read_only=True) as session:
        events = audit.recent(session, subject_kind="message")
        assert [(event.actor, event.action) for event in events] == [("ann", "mark as sent"), ("ann", "send again")]


def test_what_a_message_waits_for(post: Post):
    post.campaign("autumn", state="paused")
    now, outbox, expected = datetime.now(UTC), post.sender().outbox, dict[int, str | None]()
    [to_be_claimed] = post.queue("A", due_at=now - timedelta(hours=2))
    for waits_for, values in {
        "campaign": {"campaign_id": "autumn"},
        "due_time": {"due_at": now + timedelta(hours=1)},
        "next_attempt": {"due_at": now + timedelta(hours=1), "attempts": 1},
        "channel": {"channel": "webhook"},
        "turn": {"channel": "webhook", "is_simulated": True},
        None: {"status": "sent"},
    }.items():
        [number] = post.queue("B", **values)
        expected[number] = waits_for
    [claimed] = outbox.claim("another sender", "log", 1)
    assert claimed.id == to_be_claimed
    waiting = what_messages_wait_for(post.store, Settings(**post.values), outbox.list())
    assert {number: waiting[number].waits_for if number in waiting else None for number in expected} == expected
    assert waiting[claimed.id].waits_for == "sender"
    assert [one.problem for one in waiting.values() if one.problem] == [
        "The webhook cannot be used: WEBHOOK_URL is not set. See docs/sending.md."
    ]


def test_messages_are_listed_and_counted(post: Post):
    post.campaign("autumn", state="paused")
    first, second = post.queue("A", "B")
    [third] = post.queue("C", channel="email", campaign_id="autumn", status="failed")
    outbox = post.sender().outbox
    assert [record.id for record in outbox.list()] == [third, second, first]
    assert [record.id for record in outbox.list(limit=1, before=third)] == [second]
    assert [record.id for record in outbox.list(status="failed", campaign_id="autumn")] == [third]
    assert [record.id for record in outbox.list(channel="log", customer_id="B")] == [second]
    assert outbox.counts() == {("log", "waiting"): 2, ("email", "failed"): 1}
    assert outbox.overdue() >= timedelta(seconds=5)
    post.set_state("paused")
    assert outbox.overdue() == timedelta()


def test_the_wait_doubles_up_to_a_limit():
    for attempts in range(1, 20):
        shortest = min(timedelta(seconds=30) * 2 ** (attempts - 1), timedelta(hours=4))
        assert shortest <= back_off(attempts) <= 2 * shortest
