"""Answers from memory or not at all, for a thread that must never wait, such as that of an event loop.

Within `memory_only`, whatever would wait for a database, Redis, a file or another thread raises `NotInMemory` instead.
The caller then does the same again where it may wait. Looking at a file's date is no wait, so that what is in memory is
never older than it would be otherwise.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from threading import Lock


class NotInMemory(Exception):
    """The answer is not in memory alone."""


_memory_only: ContextVar[bool] = ContextVar("memory_only", default=False)


@contextmanager
def memory_only() -> Iterator[None]:
    """Within the block, this thread or task does not wait."""
    token = _memory_only.set(True)
    try:
        yield
    finally:
        _memory_only.reset(token)


def about_to_wait() -> None:
    """Called before anything that waits, and before what would be done twice if it were called later."""
    if _memory_only.get():
        raise NotInMemory


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
