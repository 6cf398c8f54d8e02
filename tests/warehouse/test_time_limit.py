import threading
import time
from contextlib import closing

import pytest

from loyalty_core.errors import QueryTimeout
from loyalty_core.warehouse.time_limit import TimeLimit, time_limit


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


def test_a_slow_statement_is_interrupted_once():
    statement = Statement()
    with pytest.raises(QueryTimeout, match=r"longer than 0\.05 s") as timeout, time_limit(0.05, statement.interrupt):
        statement.run()
    assert statement.interrupts == 1
    assert "DWH_STATEMENT_TIMEOUT_SECONDS" in timeout.value.remedy


def test_a_statement_in_time_is_left_alone():
    statement = Statement()
    with time_limit(0.2, statement.interrupt):
        pass
    time.sleep(0.4)
    assert statement.interrupts == 0


def test_other_errors_stay_what_they_are():
    statement = Statement()
    with pytest.raises(OSError, match="broken"), time_limit(0.05, statement.interrupt):
        raise OSError("broken")
    time.sleep(0.1)
    assert statement.interrupts == 0


def test_without_a_way_to_interrupt_a_late_error_stays_what_it_is():
    with pytest.raises(OSError, match="broken"), time_limit(0.001, None):
        time.sleep(0.01)
        raise OSError("broken")


def test_between_two_waits_nothing_is_interrupted():
    statement = Statement()
    with closing(TimeLimit(0.2, statement.interrupt)) as limit:
        with limit.waiting():
            pass
        time.sleep(0.5)
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
    assert statement.interrupts == 1
