"""Answers from memory or not at all, for a thread that must never wait, such as that of an event loop.

Within `memory_only`, whatever would wait for a database, Redis, a file or another thread raises `NotInMemory` instead.
The caller then does the same again where it may wait. Looking at a file's date is no wait, and is done once for each
answer, so that an answer is never older than it would be otherwise.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from threading import Lock


_Seen = TypeVar("_Seen")


class NotInMemory(Exception):
    """The answer is not in memory alone."""


# What was looked at within a block, None outside of one.
_looks: ContextVar[dict[Hashable, Any] | None] = ContextVar("looks", default=None)


@contextmanager
def memory_only() -> Iterator[None]:
    """Within the block, this thread or task does not wait."""
    token = _looks.set({})
    try:
        yield
    finally:
        _looks.reset(token)


def about_to_wait() -> None:
    """Called before anything that waits, and before what would be done twice if it were called later."""
    if _looks.get() is not None:
        raise NotInMemory


def look_once(key: Hashable, look: Callable[[], _Seen]) -> _Seen:
    """What `look` returns; within a block, what it returned the first time, so that an answer is from one moment."""
    looks = _looks.get()
    if looks is None:
        return look()
    if key not in looks:
        looks[key] = look()
    return looks[key]


@contextmanager
def holding(lock: Lock) -> Iterator[None]:
    """Hold a lock that others may hold while they wait."""
    if not lock.acquire(blocking=False):
        about_to_wait()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
