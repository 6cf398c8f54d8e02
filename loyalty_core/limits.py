"""Limits on work over the whole base that runs at once, shared by screens and API, so that it starves nothing else."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loyalty_core.errors import LoyaltyError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

# How often a thread that waits for its turn calls `while_waiting`.
_POLL_SECONDS = 0.25


class TooBusy(LoyaltyError):
    """As much work of the kind is under way and waiting as there may be; `retry_after` is in seconds."""

    code = "too_busy"
    retry_after = 2


@dataclass(frozen=True)
class QueueDepth:
    """How much of a kind of work is running and waiting, of how much may."""

    kind: str
    running: int
    waiting: int
    at_once: int
    most: int


@dataclass(eq=False)
class _Turn:
    """One request: `begin` is called, from any thread, when it may run."""

    viewer: str
    begin: Callable[[], object]


class WorkLimit:
    """Lets `at_once` requests of a kind run; others wait, up to `of_viewer` from one viewer and `most` in all.

    The numbers include the requests that run. A request beyond them raises `TooBusy` at once. The next turn goes to the
    viewer with the fewest running requests, so that one with many does not hold up all others. For threads and tasks.
    """

    def __init__(self, kind: str, *, at_once: int, of_viewer: int, most: int, remedy: str) -> None:
        self._kind = kind
        self._at_once = at_once
        self._of_viewer = of_viewer
        self._most = most
        self._remedy = remedy
        self._lock = threading.Lock()
        self._waiting: list[_Turn] = []
        self._running = Counter[str]()

    @contextmanager
    def slot(
        self, viewer: str, *, patience: float, while_waiting: Callable[[], object] | None = None
    ) -> Iterator[None]:
        """Hold a slot in this thread until the block ends, waiting for it up to `patience` seconds.

        `while_waiting` is called a few times a second; what it raises ends the wait.
        """
        begun = threading.Event()
        turn = self._ask(viewer, begun.set)
        try:
            if not begun.is_set():
                self._wait(begun, patience, while_waiting)
            yield
        finally:
            self._leave(turn)

    @asynccontextmanager
    async def slot_async(self, viewer: str, *, until: asyncio.Future[Any] | None = None) -> AsyncIterator[None]:
        """Hold a slot in this task until the block ends; the event loop goes on while it waits.

        What `until` raises ends the wait.
        """
        loop = asyncio.get_running_loop()
        begun = loop.create_future()
        turn = self._ask(viewer, lambda: loop.call_soon_threadsafe(begun.set_result, None))
        try:
            await asyncio.wait([begun, *([until] if until else [])], return_when=asyncio.FIRST_COMPLETED)
            if until and not begun.done():
                await until
            yield
        finally:
            self._leave(turn)

    def depth(self) -> QueueDepth:
        """What is running and waiting now."""
        with self._lock:
            return QueueDepth(self._kind, self._running.total(), len(self._waiting), self._at_once, self._most)

    def _ask(self, viewer: str, begin: Callable[[], object]) -> _Turn:
        with self._lock:
            own = self._running[viewer] + sum(turn.viewer == viewer for turn in self._waiting)
            total = self._running.total() + len(self._waiting)
            if own >= self._of_viewer or total >= self._most:
                raise self._too_busy(f"{own} are yours." if own >= self._of_viewer else f"{total} are unfinished.")
            turn = _Turn(viewer, begin)
            self._waiting.append(turn)
            self._begin_next()
            return turn

    def _wait(self, begun: threading.Event, patience: float, while_waiting: Callable[[], object] | None) -> None:
        deadline = time.monotonic() + patience
        while not begun.wait(min(_POLL_SECONDS, patience)):
            if while_waiting is not None:
                while_waiting()
            if time.monotonic() >= deadline:
                raise self._too_busy(f"There was no free slot within {patience:g} seconds.")

    def _leave(self, turn: _Turn) -> None:
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
                return
            self._running -= Counter({turn.viewer: 1})
            self._begin_next()

    def _begin_next(self) -> None:
        while self._waiting and self._running.total() < self._at_once:
            turn = min(self._waiting, key=lambda waiting: self._running[waiting.viewer])
            self._waiting.remove(turn)
            self._running[turn.viewer] += 1
            turn.begin()

    def _too_busy(self, why: str) -> TooBusy:
        return TooBusy(f"Too many {self._kind} are under way.", why, self._remedy)


class WorkLimits:
    """Those of one process: half of its pooled warehouse connections may evaluate rules at once."""

    def __init__(self, pool_size: int) -> None:
        at_once = max(1, pool_size // 2)
        self.evaluations = WorkLimit(
            "evaluations",
            at_once=at_once,
            of_viewer=4 * at_once,
            most=12 * at_once,
            remedy="Try again when one of them is done.",
        )
        self.exports = WorkLimit(
            "exports",
            at_once=2,
            of_viewer=2,
            most=2,
            remedy="Try again later, or let the file be prepared in the background with POST exports/.",
        )
        # These wait for jobs most of the time; the limit is on open connections.
        self.streams = WorkLimit(
            "streams of progress",
            at_once=64,
            of_viewer=16,
            most=64,
            remedy="Close one of them, or read the job from time to time with GET jobs/{id}/.",
        )

    def depths(self) -> tuple[QueueDepth, ...]:
        """What is running and waiting now, by kind."""
        return self.evaluations.depth(), self.exports.depth(), self.streams.depth()
