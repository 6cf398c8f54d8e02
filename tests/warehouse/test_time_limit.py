import threading
from contextlib import closing

import pytest

from loyalty_core.cancellation import Cancellation, Cancelled, cancellable, current_cancellation
from loyalty_core.errors import QueryTimeout
from loyalty_core.warehouse.time_limit import TimeLimit, time_limit
from tests.waiting import wait_until

AN_HOUR = 3600.0


class Statement:
    """Runs until it is interrupted."""

    def __init__(self) -> None:
        self.interrupts = 0
        self._interrupted = threading.Event()

    def interrupt(self) -> None:
        self.interrupts += 1
        self._interrupted.set()

    def run(self) -> None:
        if self._interrupted.wait(60):
            raise OSError("interrupted")


def test_a_slow_statement_is_interrupted():
    statement = Statement()
    with pytest.raises(QueryTimeout, match=r"longer than 0\.05 s") as timeout, time_limit(0.05, statement.interrupt):
        statement.run()
    assert "DWH_STATEMENT_TIMEOUT_SECONDS" in timeout.value.remedy


def test_after_a_statement_in_time_nothing_can_be_interrupted():
    statement, before = Statement(), set(threading.enumerate())
    with time_limit(AN_HOUR, statement.interrupt):
        watching = set(threading.enumerate()) - before
    assert len(watching) == 1
    wait_until(lambda: not watching & set(threading.enumerate()))
    assert statement.interrupts == 0


def test_other_errors_stay_what_they_are():
    statement = Statement()
    with pytest.raises(OSError, match="broken"), time_limit(AN_HOUR, statement.interrupt):
        raise OSError("broken")
    assert statement.interrupts == 0


class Clock:
    """Time that passes only where a test lets it; `looks` counts how often it was read."""

    def __init__(self) -> None:
        self.now = 0.0
        self.looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return self.now


def test_without_a_way_to_interrupt_a_late_error_stays_what_it_is(monkeypatch: pytest.MonkeyPatch):
    clock = Clock()
    monkeypatch.setattr("loyalty_core.warehouse.time_limit.time", clock)
    with pytest.raises(OSError, match="broken"), time_limit(1, None):
        clock.now += AN_HOUR
        raise OSError("broken")


def test_between_two_waits_nothing_is_interrupted(monkeypatch: pytest.MonkeyPatch):
    clock, statement = Clock(), Statement()
    monkeypatch.setattr("loyalty_core.warehouse.time_limit.time", clock)
    with closing(TimeLimit(0.01, statement.interrupt)) as limit:
        with limit.waiting():
            pass
        clock.now += AN_HOUR
        looks = clock.looks
        wait_until(lambda: clock.looks > looks + 1)
        with limit.waiting():
            pass
    assert statement.interrupts == 0


def test_the_second_wait_has_a_limit_too():
    statement = Statement()
    with closing(TimeLimit(0.05, statement.interrupt)) as limit:
        with limit.waiting():
            pass
        with pytest.raises(QueryTimeout), limit.waiting():
            statement.run()


def test_an_interrupt_that_came_before_the_statement_began_is_repeated():
    statement = Statement()

    def interrupt_too_early() -> None:
        if statement.interrupts:
            statement.interrupt()
        statement.interrupts += 1

    with pytest.raises(QueryTimeout), time_limit(0.05, interrupt_too_early):
        statement.run()


def test_a_statement_whose_result_is_no_longer_wanted_is_interrupted():
    statement = Statement()
    with (
        pytest.raises(Cancelled, match="no longer wanted"),
        cancellable(Cancellation(lambda: True)),
        time_limit(AN_HOUR, statement.interrupt),
    ):
        statement.run()


def test_whoever_cancels_says_how_the_work_ends():
    statement = Statement()

    def leave() -> None:
        raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        cancellable(Cancellation(lambda: True, leave)),
        time_limit(AN_HOUR, statement.interrupt),
    ):
        statement.run()


def test_work_that_must_not_be_cancelled_goes_on():
    statement = Statement()
    with cancellable(Cancellation(lambda: True)), cancellable(None):
        assert current_cancellation() is None
        with time_limit(AN_HOUR, statement.interrupt):
            pass
    assert statement.interrupts == 0
