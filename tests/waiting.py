"""Waiting for what happens in another thread or process, with a deadline that only a failure reaches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# A machine may be ten times slower than a developer's; waiting longer costs nothing where a test passes.
PATIENCE_SECONDS = 120.0


def wait_until(ready: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """What `ready()` returns once that is true, which it has to be within so many seconds."""
    deadline = time.monotonic() + seconds
    while not (answer := ready()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(0.05)
    return answer
