import time
from contextlib import closing

import pytest

from loyalty_core.errors import QueryTimeout
from loyalty_core.warehouse.time_limit import TimeLimit, time_limit


class Statement:
    """Runs until it is interrupted."""

    def __init__(self) -> None:
        self.interrupts = 0

    def interrupt(self) -> None:
        self.interrupts += 1

    def run(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.interrupts:
                raise OSError("interrupted")
            time.sleep(0.005)


def test_a_slow_statement_is_interrupted_once():
    statement = Statement()
    with pytest.raises(QueryTimeout, match=r"longer than 0\.05 s") as timeout, time_limit(0.05, statement.interrupt):
        statement.run(20)
    assert statement.interrupts == 1
    assert "DWH_STATEMENT_TIMEOUT_SECONDS" in timeout.value.remedy


def test_a_statement_in_time_is_left_alone():
    statement = Statement()
    with time_limit(0.2, statement.interrupt):
        statement.run(0.01)
    time.sleep(0.4)
    assert statement.interrupts == 0


def test_other_errors_stay_what_they_are():
    statement = Statement()
    with pytest.raises(OSError, match="broken"), time_limit(0.05, statement.interrupt):
        raise OSError("broken")
    time.sleep(0.1)
    assert statement.interrupts == 0


def test_without_a_way_to_interrupt_there_is_no_limit():
    with time_limit(0.001, None):
        time.sleep(0.01)


def test_between_two_waits_nothing_is_interrupted():
    statement = Statement()
    with closing(TimeLimit(0.05, statement.interrupt)) as limit:
        with limit.waiting():
            pass
        time.sleep(0.15)
        with limit.waiting():
            time.sleep(0.01)
    assert statement.interrupts == 0


def test_the_second_wait_has_a_limit_too():
    statement = Statement()
    with closing(TimeLimit(0.05, statement.interrupt)) as limit:
        with limit.waiting():
            time.sleep(0.03)
        with pytest.raises(QueryTimeout), limit.waiting():
            time.sleep(0.2)
            raise OSError("Interrupted!")
    assert statement.interrupts == 1
