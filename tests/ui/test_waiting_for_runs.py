"""Tests of screens wait for the end of a run without asking for it all the time."""

from __future__ import annotations

import time
from typing import Any

from streamlit.signal_util import Signal
from streamlit.testing.v1 import local_script_runner


class _EndsUnnoticed:
    """A runner that was informing others of its end when the wait began, so that the wait is not informed."""

    def __init__(self) -> None:
        self.on_event = Signal()
        self.ends = time.monotonic() + 0.05

    def script_stopped(self) -> bool:
        return time.monotonic() > self.ends


def test_a_run_that_ends_as_the_wait_begins_has_ended() -> None:
    runner: Any = _EndsUnnoticed()
    local_script_runner.require_widgets_deltas(runner, 5)  # raises where the run has not ended
    assert runner.script_stopped()
