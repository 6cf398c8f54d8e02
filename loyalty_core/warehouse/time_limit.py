"""Statements are stopped at a limit on their time, and when nobody wants their result any more."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from loyalty_core.cancellation import Cancelled, current_cancellation
from loyalty_core.errors import QueryTimeout

Interrupt = Callable[[], object]

# How often a wait that can be cancelled is looked at.
_POLL_SECONDS = 0.25
_AGAIN_SECONDS = 1.0


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

    A wait also ends when its caller no longer wants the result (`loyalty_core.cancellation`). Interrupts until the wait
    ends, since the first time may have been before the statement began, and never outside `waiting`, when it would hit
    the connection's next statement.
    """

    def __init__(self, seconds: float, interrupt: Interrupt | None) -> None:
        self._seconds = seconds
        self._interrupt = interrupt
        self._cancellation = current_cancellation()
        self._due: float | None = None
        self._expired = False
        self._cancelled = False
        self._lock = threading.Lock()
        self._closed = threading.Event()
        if interrupt is not None:
            threading.Thread(target=self._watch, args=(interrupt,), daemon=True).start()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The time in this block counts; raises for the error that an interrupt causes.

        That is `QueryTimeout`, or for a cancelled statement what its `finish` raises, or `Cancelled`.
        """
        self._due = time.monotonic() + self._seconds
        try:
            yield
        except Exception as error:
            if self._cancellation and self._cancelled:
                self._cancellation.finish()
                raise Cancelled("The query was stopped, since its result was no longer wanted.") from error
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
        longest = min(self._seconds, _POLL_SECONDS) if self._cancellation else self._seconds
        pause = longest
        while not self._closed.wait(pause):
            with self._lock:
                due, now = self._due, time.monotonic()
                if due is None:
                    pause = longest
                    continue
                self._expired = now >= due
                self._cancelled = self._cancelled or self._is_cancelled()
                if self._expired or self._cancelled:
                    interrupt()
                    pause = _AGAIN_SECONDS
                else:
                    pause = min(longest, due - now)

    def _is_cancelled(self) -> bool:
        return self._cancellation is not None and self._cancellation.is_requested()
