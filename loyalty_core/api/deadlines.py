"""Deadlines for what a task waits for, cheaper than a timer for each of very many short waits."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

_Result = TypeVar("_Result")

_LONGEST_PAUSE = 1.0


class Deadlines:
    """Ends waits that take longer than `seconds`, up to a second (or a tenth of `seconds`) late.

    `asyncio.timeout_at` sets a timer for each wait, which costs more than most waits take. Here one timer looks at all
    tasks that wait, and only while there are any.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._pause = min(seconds / 10, _LONGEST_PAUSE)
        self._waiting: dict[asyncio.Task[object], float] = {}
        self._expired: set[asyncio.Task[object]] = set()
        self._looking_in: asyncio.AbstractEventLoop | None = None

    def next(self) -> float:
        """The deadline of what begins now, in the time of the event loop."""
        return asyncio.get_running_loop().time() + self._seconds

    async def wait(self, awaited: Awaitable[_Result], deadline: float) -> _Result:
        """The result of what the current task waits for; raises `TimeoutError` after the deadline."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 -- a coroutine is run by a task
        self._waiting[task] = deadline
        if self._looking_in is not (loop := task.get_loop()):
            self._looking_in = loop
            loop.call_later(self._pause, self._look)
        try:
            return await awaited
        except asyncio.CancelledError:
            if task in self._expired and task.uncancel() == 0:
                raise TimeoutError from None
            raise
        finally:
            del self._waiting[task]
            self._expired.discard(task)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for task, deadline in self._waiting.items():
            if deadline <= now and task not in self._expired and task.get_loop() is loop:
                self._expired.add(task)
                task.cancel()
        if self._waiting:
            loop.call_later(self._pause, self._look)
        elif self._looking_in is loop:
            self._looking_in = None
