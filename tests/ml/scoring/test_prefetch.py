"""Work that overlaps keeps its order, its errors and its end."""

import threading
from collections.abc import Generator
from contextlib import closing
from itertools import islice

import pytest

from loyalty_core.ml.scoring.prefetch import map_ordered, prefetch
from tests.waiting import wait_until


def numbers(count: int, closed: threading.Event, fail_at: int = -1) -> Generator[int]:
    try:
        for number in range(count):
            if number == fail_at:
                raise LookupError(f"no {number}")
            yield number
    finally:
        closed.set()


def test_items_come_in_order_and_the_source_is_closed() -> None:
    closed = threading.Event()
    assert list(prefetch(numbers(50, closed))) == list(range(50))
    assert closed.is_set()


def test_items_are_taken_while_the_caller_is_busy() -> None:
    taken: list[int] = []

    def source() -> Generator[int]:
        for number in range(10):
            taken.append(number)
            yield number

    with closing(prefetch(source())) as items:
        next(items)
        wait_until(lambda: len(taken) >= 3)
    assert len(taken) < 10  # ahead, but not without bounds


def test_an_error_in_the_source_reaches_the_caller_after_what_came_before() -> None:
    closed, seen = threading.Event(), []
    with pytest.raises(LookupError, match="no 3"):
        for number in prefetch(numbers(9, closed, fail_at=3)):
            seen.append(number)
    assert seen == [0, 1, 2]
    assert closed.is_set()


def test_a_caller_that_leaves_early_closes_the_source() -> None:
    closed = threading.Event()
    with closing(prefetch(numbers(10_000, closed))) as items:
        assert list(islice(items, 2)) == [0, 1]
    assert closed.is_set()


def test_results_come_in_the_order_of_the_items() -> None:
    done = [threading.Event() for _ in range(20)]

    def even_after_odd(number: int) -> int:
        if number % 2 == 0:
            done[number + 1].wait(1)
        done[number].set()
        return -number

    assert list(map_ordered(even_after_odd, range(20))) == [-number for number in range(20)]


def test_an_error_in_the_work_reaches_the_caller() -> None:
    def work(number: int) -> int:
        if number == 4:
            raise ArithmeticError("four")
        return number

    results = map_ordered(work, range(100))
    assert list(islice(results, 4)) == [0, 1, 2, 3]
    with pytest.raises(ArithmeticError, match="four"):
        next(results)
