"""Events are applied exactly once, whatever fails; nothing that fails blocks the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from loyalty_core.errors import QueryTimeout, WarehouseUnavailable
from loyalty_core.events import Event, Inbox, Patience
from tests.events.applying import (
    Clock,
    Counting,
    accept,
    an_event,
    applied,
    apply_all,
    letters,
    poison,
    states,
    worker_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loyalty_core.store import StateStore


def test_events_are_applied_together_and_those_of_a_customer_in_order(store: StateStore):
    earlier = datetime.now(UTC) - timedelta(hours=1)
    accept(store, an_event("b"), an_event("c", "8"), an_event("a", occurred_at=earlier))
    handler = Counting()
    apply_all(worker_of(store, handler))
    (batch,) = handler.batches
    assert sorted(batch) == ["a", "b", "c"]
    assert batch.index("a") < batch.index("b")
    assert states(store) == {"a": "done", "b": "done", "c": "done"}


def test_a_copy_is_applied_once_whenever_it_comes(store: StateStore):
    handler = Counting()
    accept(store, an_event("a"), an_event("a"))
    apply_all(worker_of(store, handler))
    accept(store, an_event("a"))
    apply_all(worker_of(store, handler))
    assert applied(store) == ["a"]


def test_a_poisonous_event_blocks_neither_other_customers_nor_its_own(store: StateStore):
    clock = Clock()
    accept(store, an_event("good"), an_event("bad", data={"poison": True}), an_event("other", "8"))
    worker = worker_of(store, Counting(poison), clock, attempts=3)
    apply_all(worker)
    assert sorted(applied(store)) == ["good", "other"]
    assert states(store)["bad"] == "waiting"
    for _ in range(2):
        clock.advance(hours=1)
        apply_all(worker)
    assert states(store) == {"good": "done", "bad": "dead", "other": "done"}
    (letter,) = letters(store)
    assert (letter.error["code"], letter.error["what"]) == ("bad_data", "This event is poison.")
    assert (letter.attempts, letter.customer_id, letter.status) == (3, "7", "open")
    assert '"event_id": "bad"' in letter.body


def test_an_event_that_failed_is_not_tried_again_at_once(store: StateStore):
    clock = Clock()
    accept(store, an_event("bad", data={"poison": True}))
    worker = worker_of(store, Counting(poison), clock)
    apply_all(worker)
    assert worker.apply_waiting() == 0
    clock.advance(seconds=6)
    assert worker.apply_waiting() == 1


def test_an_outage_changes_nothing_and_counts_as_no_attempt(store: StateStore):
    accept(store, an_event("a"), an_event("b", "8"))
    down = Counting(lambda event: WarehouseUnavailable("The warehouse is down."))
    worker = worker_of(store, down, attempts=1)
    for _ in range(3):
        with pytest.raises(WarehouseUnavailable):
            worker.apply_waiting()
    down.fails = lambda event: None
    apply_all(worker)
    assert sorted(applied(store)) == ["a", "b"]
    assert letters(store) == []


def test_a_query_that_takes_too_long_delays_its_event_alone_and_never_kills_it(store: StateStore):
    clock = Clock()
    accept(store, an_event("slow"), an_event("quick", "8"))
    handler = Counting(lambda event: QueryTimeout("Too slow.") if event.event_id == "slow" else None)
    worker = worker_of(store, handler, clock, attempts=1)
    for _ in range(3):
        apply_all(worker)
        clock.advance(hours=1)
    assert (states(store), letters(store)) == ({"slow": "waiting", "quick": "done"}, [])


def test_what_a_worker_had_when_it_died_is_taken_over_one_event_at_a_time(store: StateStore):
    clock = Clock()
    accept(store, an_event("a"), an_event("b", "8"))
    claim = timedelta(minutes=2)
    assert len(Inbox(store, Patience(claim), clock=clock).claim(200)) == 2
    handler = Counting()
    survivor = worker_of(store, handler, clock, claim=claim)
    assert survivor.apply_waiting() == 0
    clock.advance(minutes=3)
    survivor.apply_waiting()  # finds out that the claims ran out
    clock.advance(minutes=1)
    apply_all(survivor)
    assert sorted(handler.batches) == [["a"], ["b"]]
    assert sorted(applied(store)) == ["a", "b"]


def test_an_event_that_ends_its_worker_each_time_becomes_a_dead_letter(store: StateStore):
    clock = Clock()
    accept(store, an_event("deadly"))
    patience = Patience(timedelta(minutes=2), attempts=2)
    for _ in range(2):
        Inbox(store, patience, clock=clock).claim(200)
        clock.advance(minutes=30)
        Inbox(store, patience, clock=clock).claim(0)
        clock.advance(minutes=30)
    assert states(store) == {"deadly": "dead"}
    assert letters(store)[0].error["code"] == "worker_ended"


def test_a_worker_that_was_too_slow_writes_nothing_of_what_another_has_taken_over(store: StateStore):
    clock = Clock()
    accept(store, an_event("a"))

    class Slow(Counting):
        def prepare(self, events: Sequence[Event]) -> Sequence[Event]:
            clock.advance(minutes=3)
            other.apply_waiting()
            clock.advance(minutes=1)
            apply_all(other)
            return super().prepare(events)

    other = worker_of(store, Counting(), clock)
    worker_of(store, Slow(), clock).apply_waiting()
    assert applied(store) == ["a"]


def test_two_workers_never_deal_with_the_same_customer_at_once(store: StateStore):
    clock = Clock()
    accept(store, an_event("a"))
    first, second = Inbox(store, clock=clock), Inbox(store, clock=clock)
    held = first.claim(200)
    accept(store, an_event("b"), an_event("c", "8"))
    clock.advance(seconds=1)
    assert [event.event_id for event in second.claim(200)] == ["c"]
    with store.session() as session:
        first.mark_done(session, held)
    assert [event.event_id for event in second.claim(200)] == ["b"]


def test_events_tell_what_happened_earlier_and_what_is_late(store: StateStore):
    now = datetime.now(UTC)
    accept(store, an_event("newest", occurred_at=now))
    apply_all(worker_of(store, Counting()))
    accept(
        store,
        an_event("before", occurred_at=now - timedelta(hours=1)),
        an_event("other type", type="customer.updated", occurred_at=now - timedelta(hours=1)),
        an_event("long ago", "8", occurred_at=now - timedelta(hours=25)),
    )
    claimed = {event.event_id: event.sequel for event in Inbox(store).claim(200)}
    assert claimed == {"before": "out_of_order", "other type": "newest", "long ago": "late"}
