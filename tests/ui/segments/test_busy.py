"""Screens while as many evaluations are under way as there may be."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import pytest

from loyalty_core.limits import WorkLimit
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import get_services
from loyalty_core.ui.navigation import OVERVIEW, SEGMENTS
from loyalty_core.ui.segments.address import encode_rule
from tests.fixtures.screens import plain, texts_of, value_field

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from tests.fixtures.screens import OpenScreen
    from tests.workbench import Configure, Query

RICH = {">=": [{"var": "total_revenue"}, 500]}


class Busy(Protocol):
    """As many evaluations as there may be, for as long as the block lasts."""

    def __call__(self) -> AbstractContextManager[None]: ...


@pytest.fixture
def busy(demo_settings: Configure) -> Busy:
    """A limit of the services that lets nobody wait."""
    remedy = "Try again when one of them is done."
    get_services().limits.evaluations = limit = WorkLimit("evaluations", at_once=2, of_viewer=2, most=2, remedy=remedy)

    @contextmanager
    def all_slots_taken() -> Iterator[None]:
        with limit.slot("another viewer", patience=0), limit.slot("another viewer", patience=0):
            yield

    return all_slots_taken


def test_the_editor_shows_its_last_figures_and_says_so(busy: Busy, open_screen: OpenScreen, sql: Query):
    app = open_screen(SEGMENTS, edit="1", rule=encode_rule(RICH))
    [(rich,)] = sql("SELECT count(*) FROM customers WHERE total_revenue >= 500")
    [(richer,)] = sql("SELECT count(*) FROM customers WHERE total_revenue >= 900")
    assert app.metric[0].value == f"{rich:,}"

    with busy():
        value_field(app).set_value("900").run()
    assert plain(app.error[0].value).startswith("**Too many evaluations are under way.**")
    assert app.metric[0].value == f"{rich:,}"
    assert ":material/history: As last evaluated, perhaps before your last change." in texts_of(app)

    next(button for button in app.button if button.label == "Try again").click().run()
    assert not app.error
    assert app.metric[0].value == f"{richer:,}"


def test_a_segment_that_could_not_be_computed_says_why(busy: Busy, open_screen: OpenScreen):
    rich = get_services().segmentation.create(SegmentDraft("Rich", RICH), actor="ann")
    app = open_screen(SEGMENTS, segment=rich.id)
    with busy():
        next(button for button in app.button if button.label == "Compute").click().run()
    assert "The members were not computed. Too many evaluations are under way." in plain(app.toast[0].value)
    assert get_services().segments.get(rich.id).size is None


def test_figures_of_the_base_wait_too_and_the_page_recovers(busy: Busy, open_screen: OpenScreen):
    with busy():
        app = open_screen(OVERVIEW)
        assert any("Too many evaluations are under way." in plain(error.value) for error in app.error)
    app.run()
    assert not app.error
