"""What takes long says so, once, until it is done; what is quick draws nothing."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from streamlit.testing.v1 import AppTest

from loyalty_core.ui import slow_runs
from loyalty_core.ui.slow_runs import slowness_shown

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_SECONDS = 60


@dataclass
class Spinners:
    """Stands for Streamlit's spinner."""

    texts: list[str] = field(default_factory=list)
    shown: threading.Event = field(default_factory=threading.Event)
    removed: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def spinner(self, text: str, *, show_time: bool) -> Iterator[None]:
        assert show_time
        self.texts.append(text)
        self.shown.set()
        yield
        self.removed.set()


@pytest.fixture
def spinners(monkeypatch: pytest.MonkeyPatch) -> Spinners:
    """Shown at once."""
    spinners = Spinners()
    monkeypatch.setattr(slow_runs.st, "spinner", spinners.spinner)
    monkeypatch.setattr(slow_runs, "_PATIENCE_SECONDS", 0)
    return spinners


def test_a_slow_run_counts_the_seconds_until_it_ends(spinners: Spinners):
    with slowness_shown():
        assert spinners.shown.wait(PATIENCE_SECONDS)
        assert not spinners.removed.is_set()
    assert spinners.removed.is_set()


def test_it_goes_also_after_an_error(spinners: Spinners):
    with pytest.raises(ZeroDivisionError), slowness_shown():
        assert spinners.shown.wait(PATIENCE_SECONDS)
        _ = 1 / 0
    assert spinners.removed.is_set()


def test_a_fragment_of_a_slow_page_shows_no_second_one(spinners: Spinners):
    with slowness_shown():
        assert spinners.shown.wait(PATIENCE_SECONDS)
        before = threading.active_count()
        with slowness_shown():
            assert threading.active_count() == before
    assert spinners.texts == ["Still computing …"]


def _page_with_a_slow_fragment() -> None:
    import streamlit as st  # noqa: PLC0415

    from loyalty_core.ui.fragments import fragment  # noqa: PLC0415

    @fragment()
    def draw() -> None:
        assert st.spinner.__self__.shown.wait(60)

    draw()


def test_a_fragment_alone_shows_one(spinners: Spinners):
    assert not AppTest.from_function(_page_with_a_slow_fragment, default_timeout=120).run().exception
    assert spinners.removed.is_set()


def test_a_quick_run_draws_nothing(spinners: Spinners, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(slow_runs, "_PATIENCE_SECONDS", PATIENCE_SECONDS)
    before = set(threading.enumerate())
    with slowness_shown():
        timers = set(threading.enumerate()) - before
    for timer in timers:
        timer.join(PATIENCE_SECONDS / 2)
        assert not timer.is_alive()
    assert timers
    assert spinners.texts == []
