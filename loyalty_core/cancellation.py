"""Ending work whose result is no longer wanted, such as a statement for a page that its viewer has left.

Whoever starts the work says within `cancellable` how that is noticed; what waits for a database looks at it while it
waits (`warehouse/time_limit.py`).
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loyalty_core.errors import LoyaltyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Cancelled(LoyaltyError):
    """The work was stopped because its result was no longer wanted."""

    code = "cancelled"


@dataclass(frozen=True)
class Cancellation:
    """`is_requested` is called a few times a second, from another thread than the one that works.

    Once the statement has been stopped, `finish` is called in the thread that works, and may raise what ends its work.
    Otherwise `Cancelled` is raised.
    """

    is_requested: Callable[[], bool]
    finish: Callable[[], object] = lambda: None

    def only_if(self, condition: Callable[[], bool]) -> Cancellation:
        """The same, requested only while the condition holds as well."""
        return Cancellation(lambda: condition() and self.is_requested(), self.finish)


_current: ContextVar[Cancellation | None] = ContextVar("cancellation", default=None)


@contextmanager
def cancellable(cancellation: Cancellation | None) -> Iterator[None]:
    """What waits in this block is stopped when the cancellation is requested; never with None."""
    token = _current.set(cancellation)
    try:
        yield
    finally:
        _current.reset(token)


def current_cancellation() -> Cancellation | None:
    """That of the innermost `cancellable` block."""
    return _current.get()


def is_cancelled() -> bool:
    """Whether the result of the work in the innermost `cancellable` block is no longer wanted."""
    cancellation = _current.get()
    return cancellation is not None and cancellation.is_requested()
