"""A limit on how long a statement may keep its caller waiting, for databases that have none of their own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from loyalty_core.errors import QueryTimeout

Interrupt = Callable[[], object]


@contextmanager
def time_limit(seconds: float, interrupt: Interrupt | None) -> Iterator[None]:
    """Call `interrupt` when the block takes longer, and raise `QueryTimeout` for the error that it causes."""
    if interrupt is None:
        yield
        return
    limit = _Limit(interrupt)
    timer = threading.Timer(seconds, limit.expire)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as error:
        if limit.expired:
            raise query_timeout(seconds) from error
        raise
    finally:
        timer.cancel()
        limit.end()


def interrupt_of(connection: sa.Connection) -> Interrupt | None:
    """What stops the statement of an embedded database; None for servers, which get their limit at connecting."""
    return getattr(connection.connection.dbapi_connection, "interrupt", None)


def query_timeout(seconds: float) -> QueryTimeout:
    """The error for a statement that was stopped after so many seconds."""
    return QueryTimeout(
        f"The warehouse took longer than {seconds:g} s and was stopped.",
        remedy="Ask for less, or raise DWH_STATEMENT_TIMEOUT_SECONDS.",
    )


class _Limit:
    """Interrupts at most once, and never after the end, when it would hit the connection's next statement."""

    def __init__(self, interrupt: Interrupt) -> None:
        self.expired = False
        self._interrupt = interrupt
        self._ended = False
        self._lock = threading.Lock()

    def expire(self) -> None:
        with self._lock:
            if not self._ended:
                self.expired = True
                self._interrupt()

    def end(self) -> None:
        with self._lock:
            self._ended = True
