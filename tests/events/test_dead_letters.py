"""Dead letters are corrected, replayed and discarded, each of it once and by somebody."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from loyalty_core.events import (
    BadEvent,
    DeadLetterClosed,
    DeadLetterNotFound,
    DeadLetters,
    Intake,
    Unreadable,
)
from loyalty_core.events.forms import flat
from loyalty_core.store import audit
from tests.events.applying import Clock, Counting, accept, an_event, applied, apply_all, poison, states, worker_of

if TYPE_CHECKING:
    from loyalty_core.store import StateStore


def letters_of(store: StateStore) -> DeadLetters:
    return DeadLetters(store, Intake(store, timedelta()), UTC)


def audited(store: StateStore) -> list[tuple[str, str, str]]:
    with store.session(read_only=True) as session:
        return [(one.action, one.subject_kind, one.subject_id) for one in reversed(audit.recent(session))]


def test_an_unreadable_message_is_mended_and_applied_once(store: StateStore):
    broken = Unreadable("kafka/dwh.transaction.created", "dwh.transaction.created/0/5@1", "{", BadEvent("No JSON."))
    Intake(store, timedelta()).accept([], [broken, broken])
    letters = letters_of(store)
    (letter,) = letters.list()
    with pytest.raises(BadEvent):
        letters.replay(letter.id)
    letters.correct(letter.id, json.dumps({"customer_id": "7", "amount": 5}))
    replayed = letters.replay(letter.id)
    assert (replayed.status, replayed.customer_id) == ("replayed", "7")
    with pytest.raises(DeadLetterClosed, match="was replayed before"):
        letters.replay(letter.id)
    apply_all(worker_of(store, Counting()))
    assert applied(store) == ["dwh.transaction.created/0/5@1"]
    assert (letters.list(), [one.id for one in letters.list(status="replayed")]) == ([], [letter.id])
    number = str(letter.id)
    assert audited(store) == [("corrected", "dead_letter", number), ("replayed", "dead_letter", number)]


def test_an_event_that_failed_is_mended_and_applied_once(store: StateStore):
    clock = Clock()
    bad = an_event("bad", data={"poison": True})
    accept(store, bad)
    worker = worker_of(store, Counting(poison), clock, attempts=1)
    apply_all(worker)
    letters = letters_of(store)
    (letter,) = letters.list()
    other = flat.write(an_event("another"))
    with pytest.raises(BadEvent, match="another source or event_id"):
        letters.replay(letters.correct(letter.id, json.dumps(other)).id)
    letters.correct(letter.id, json.dumps({**flat.write(bad), "data": {}}))
    assert letters.replay(letter.id).event == letter.event
    apply_all(worker)
    assert (applied(store), states(store)) == (["bad"], {"bad": "done"})


def test_what_was_accepted_in_the_meantime_is_not_applied_again(store: StateStore):
    event = an_event("1")
    Intake(store, timedelta()).accept([event], [Unreadable("test", None, "{", BadEvent("No JSON."))])
    letters = letters_of(store)
    (letter,) = letters.list()
    letters.correct(letter.id, json.dumps(flat.write(event)))
    assert letters.replay(letter.id).event == 1
    apply_all(worker_of(store, Counting()))
    assert applied(store) == ["1"]


def test_a_letter_that_somebody_else_mended_is_not_overwritten(store: StateStore):
    Intake(store, timedelta()).accept([], [Unreadable("test", None, "{", BadEvent("No JSON."))])
    letters = letters_of(store)
    letters.correct(1, "first")
    with pytest.raises(DeadLetterClosed, match="by somebody else"):
        letters.correct(1, "second", if_body="{")
    assert letters.get(1).body == "first"


def test_a_discarded_letter_stays_closed(store: StateStore):
    Intake(store, timedelta()).accept([], [Unreadable("test", None, "\0", BadEvent("No JSON."))])
    letters = letters_of(store)
    assert letters.discard(1).status == "discarded"
    for change in (letters.replay, letters.discard, lambda number: letters.correct(number, "{}")):
        with pytest.raises(DeadLetterClosed):
            change(1)
    with pytest.raises(DeadLetterNotFound):
        letters.get(2)


def test_letters_come_in_pages(store: StateStore):
    many = [Unreadable("test", None, str(number), BadEvent("No JSON.")) for number in range(5)]
    Intake(store, timedelta()).accept([], many)
    first = letters_of(store).list(2)
    second = letters_of(store).list(2, before=first[-1].id)
    assert [letter.body for letter in (*first, *second)] == ["4", "3", "2", "1"]
    assert first[0].received_at <= datetime.now(UTC)
