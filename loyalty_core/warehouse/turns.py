"""One caller at a time, without a queue of callers who each wait for the same failure."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING

from loyalty_core.cancellation import Cancelled
from loyalty_core.errors import LoyaltyError
from loyalty_core.memory_only import about_to_wait

if TYPE_CHECKING:
    from collections.abc import Iterator


class Turns:
    """Lets one caller in at a time; the error of one is raised to all who were waiting then, instead of their turn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failure: tuple[float, LoyaltyError] | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """What is read in this block is read by nobody else at the time."""
        about_to_wait()
        asked = time.monotonic()
        with self._lock:
            if self._failure is not None and self._failure[0] >= asked:
                raise copy(self._failure[1]) from self._failure[1]
            try:
                yield
            except Cancelled:  # by one caller; the others still want the result
                raise
            except LoyaltyError as error:
                self._failure = time.monotonic(), error
                raise
