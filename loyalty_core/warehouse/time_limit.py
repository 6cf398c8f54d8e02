"""A limit on how long a statement may keep its caller waiting, for databases without a limit of their own."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from loyalty_core.errors import QueryTimeout

Interrupt = Callable[[], object]


@contextmanager
def time_limit(seconds: float, interrupt: Interrupt | None) -> Iterator[None]:
    """Call `interrupt` when the block takes longer, and raise `QueryTimeout` for the error that it causes."""
    with closing(TimeLimit(seconds, interrupt)) as limit, limit.waiting():
        yield


def query_timeout(seconds: float) -> QueryTimeout:
    """The error for a statement that was stopped after this many seconds."""
    return QueryTimeout(
        f"The query took longer than {seconds:g} s and was stopped.",
        remedy="Request less data, or raise DWH_STATEMENT_TIMEOUT_SECONDS.",
    )


class TimeLimit:
    """Watches one wait after another with a single thread, since starting one for each costs more than the wait.

    Interrupts at most once, and never outside `waiting`, when it would hit the connection's next statement.
    """

    def __init__(self, seconds: float, interrupt: Interrupt | None) -> None:
        self._seconds = seconds
        self._interrupt = interrupt
        self._due: float | None = None
        self._expired = False
        self._lock = threading.Lock()
        self._closed = threading.Event()
        if interrupt is not None:
            threading.Thread(target=self._watch, args=(interrupt,), daemon=True).start()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The time in this block counts; raises `QueryTimeout` for the error that an interrupt causes."""
        self._due = time.monotonic() + self._seconds
        try:
            yield
        except Exception as error:
            if self._expired:
                raise query_timeout(self._seconds) from error
            raise
        finally:
            with self._lock:
                self._due = None

    def close(self) -> None:
        """End the watch."""
        self._closed.set()

    def _watch(self, interrupt: Interrupt) -> None:
        pause = self._seconds
        while not self._closed.wait(pause):
            with self._lock:
                due, now = self._due, time.monotonic()
                if due is not None and now >= due:
                    self._expired = True
                    interrupt()
                    return
            pause = self._seconds if due is None else min(self._seconds, due - now)
