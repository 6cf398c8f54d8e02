from __future__ import annotations

import itertools
import threading
from typing import Any

import pytest

from loyalty_core.errors import WarehouseUnavailable
from loyalty_core.warehouse.turns import Turns
from tests.waiting import wait_until

WAITING = 3


class Reading:
    """Fails once it is let, and counts how often it was begun."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.begun = 0
        self.may_fail = threading.Event()

    def read(self) -> None:
        with self.turns.turn():
            self.begun += 1
            assert self.may_fail.wait(60)
            raise WarehouseUnavailable("It does not answer.", remedy="Wait.")


class Clock:
    """Counts how often it was read, and never shows a time twice."""

    def __init__(self) -> None:
        self._times = itertools.count(1)
        self.looks = 0

    def monotonic(self) -> float:
        self.looks = next(self._times)
        return float(self.looks)


def test_all_who_wait_for_a_reading_that_fails_get_its_error(monkeypatch: pytest.MonkeyPatch):
    clock, reading, errors = Clock(), Reading(), list[Any]()
    monkeypatch.setattr("loyalty_core.warehouse.turns.time", clock)

    def read() -> None:
        try:
            reading.read()
        except WarehouseUnavailable as error:
            errors.append(error)

    first = threading.Thread(target=read)
    first.start()
    wait_until(lambda: reading.begun)
    others = [threading.Thread(target=read) for _ in range(WAITING)]
    for thread in others:
        thread.start()
    wait_until(lambda: clock.looks == WAITING + 1)  # they wait
    reading.may_fail.set()
    for thread in (first, *others):
        thread.join(60)
    assert [str(error) for error in errors] == ["It does not answer. Wait."] * (WAITING + 1)
    assert reading.begun == 1


def test_who_comes_after_a_failure_reads_again():
    reading = Reading()
    reading.may_fail.set()
    for times in (1, 2):
        with pytest.raises(WarehouseUnavailable):
            reading.read()
        assert reading.begun == times
