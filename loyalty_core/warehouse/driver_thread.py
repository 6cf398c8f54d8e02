"""Calls of a driver that have no deadline of their own, made in a thread that can be left behind."""

from __future__ import annotations

import threading
from contextlib import ExitStack, suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Self, TypeVar

from loyalty_core.postgresql import NoAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")

# How long a caller waits for connections to be closed.
_CLOSING_SECONDS = 5.0


class DriverThread:
    """Runs one call after another in a thread of its own, for a single caller, which may stop waiting for a call.

    What the calls open belongs into `resources`; the thread closes it, after the call that it is left with. `cancel`
    asks the database to end a call. It may itself wait for the database, and nobody waits for it.
    """

    def __init__(self) -> None:
        self.resources = ExitStack()
        self.cancel: Callable[[], object] | None = None
        self._calls: SimpleQueue[Callable[[], Any] | None] = SimpleQueue()
        self._outcomes: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        self._cancelling: threading.Thread | None = None
        self._is_abandoned = False
        self._thread = threading.Thread(target=self._run, name="bulk driver", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let the thread close what was opened."""
        self._calls.put(None)
        if not self._is_abandoned:
            self._thread.join(_CLOSING_SECONDS)

    def call(
        self,
        function: Callable[[], Answer],
        *,
        seconds: float | None = None,
        may_wait_on: Callable[[], bool] = lambda: False,
    ) -> Answer:
        """What `function` returns in the thread.

        Raises `NoAnswer` once the thread is abandoned, and after `seconds` unless `may_wait_on()` then; it is asked
        again after as many seconds.
        """
        if self._is_abandoned:
            raise NoAnswer("the connection was given up")
        self._calls.put(function)
        while True:
            try:
                answer, error = self._outcomes.get(timeout=seconds)
            except Empty:
                if not may_wait_on():
                    self.abandon()
                    raise NoAnswer(f"no answer within {seconds:g} s") from None
                continue
            if error is not None:
                raise error
            return answer

    def abandon(self) -> None:
        """Stop waiting for the call under way; the thread ends once that returns."""
        self._is_abandoned = True
        if self.cancel is not None:
            self._cancelling = threading.Thread(target=self._cancel, args=(self.cancel,), daemon=True)
            self._cancelling.start()
        self._outcomes.put((None, NoAnswer("the call was given up")))

    def _run(self) -> None:
        for call in iter(self._calls.get, None):
            try:
                self._outcomes.put((call(), None))
            except BaseException as error:  # noqa: BLE001 - it is raised where the call is waited for
                self._outcomes.put((None, error))
            del call  # what it holds must not outlive it while the thread waits for the next one
        if self._cancelling is not None:
            self._cancelling.join()
        with suppress(Exception):
            self.resources.close()

    @staticmethod
    def _cancel(cancel: Callable[[], object]) -> None:
        with suppress(Exception):
            cancel()
