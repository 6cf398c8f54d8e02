"""Within `memory_only`, nothing waits: what would wait says that the answer is not in memory."""

from __future__ import annotations

import threading

import pytest

from loyalty_core.memory_only import NotInMemory, about_to_wait, holding, look_once, memory_only
from tests.waiting import PATIENCE_SECONDS


def test_waiting_is_allowed_before_and_after_a_block_of_memory_only() -> None:
    about_to_wait()
    with pytest.raises(NotInMemory), memory_only():
        about_to_wait()
    about_to_wait()


def test_another_thread_may_wait_meanwhile() -> None:
    outcome: list[str] = []

    def wait() -> None:
        about_to_wait()
        outcome.append("allowed")

    with memory_only():
        other = threading.Thread(target=wait)
        other.start()
        other.join(PATIENCE_SECONDS)
    assert outcome == ["allowed"]


def test_within_a_block_one_look_counts() -> None:
    looks = iter(range(10))

    def look() -> int:
        return look_once("file", lambda: next(looks))

    assert [look(), look()] == [0, 1]
    with memory_only():
        assert [look(), look()] == [2, 2]
        assert look_once("another file", lambda: next(looks)) == 3
    with memory_only():
        assert look() == 4
    assert look() == 5


def test_a_free_lock_is_held_and_released() -> None:
    lock = threading.Lock()
    with memory_only(), holding(lock):
        assert lock.locked()
    assert not lock.locked()


def test_a_lock_that_another_thread_holds_is_not_waited_for() -> None:
    lock = threading.Lock()
    with lock, pytest.raises(NotInMemory), memory_only(), holding(lock):
        pass
    assert not lock.locked()


def test_outside_of_it_a_lock_is_waited_for() -> None:
    lock, is_held, may_end = threading.Lock(), threading.Event(), threading.Event()
    order: list[str] = []

    def hold() -> None:
        with lock:
            is_held.set()
            assert may_end.wait(PATIENCE_SECONDS)
            order.append("the other thread")

    other = threading.Thread(target=hold)
    other.start()
    assert is_held.wait(PATIENCE_SECONDS)
    may_end.set()
    with holding(lock):
        order.append("this thread")
    other.join(PATIENCE_SECONDS)
    assert order == ["the other thread", "this thread"]
