"""The dialog in which a rule becomes a segment; AppTest runs it as a page of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from streamlit.testing.v1 import AppTest

from loyalty_core.segments import SegmentDraft
from loyalty_core.services import get_services
from loyalty_core.ui.segments.editor.editor_state import Editor

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.workbench import Configure

RICH, YOUNG, RICHER = (
    {">=": [{"var": "total_revenue"}, 500]},
    {"<": [{"var": "age"}, 30]},
    {">=": [{"var": "total_revenue"}, 900]},
)


def script() -> None:
    import streamlit as st  # noqa: PLC0415 - AppTest takes the function alone

    from loyalty_core.ui.segments.editor.save import save_dialog  # noqa: PLC0415

    save_dialog(st.session_state["editor"])


@pytest.fixture
def open_dialog(demo_settings: Configure) -> Callable[..., AppTest]:
    """The dialog for saving a rule, as the next version of a segment where one is named."""

    def open_it(rule: Any, segment_id: str | None = None, version: int | None = None) -> AppTest:
        services = get_services()
        segment = services.segments.get(segment_id) if segment_id else None
        app = AppTest.from_function(script, default_timeout=60)
        app.session_state["editor"] = Editor(segment, rule, services.segmentation.fields(), version=version)
        return app.run()

    return open_it


def save(app: AppTest, name: str | None = None) -> None:
    if name is not None:
        app.text_input[0].set_value(name)
    app.button(key="save-now").click().run()


def test_a_name_over_the_limit_is_refused_with_its_length_and_stays(open_dialog: Callable[..., AppTest]):
    app = open_dialog(RICH)
    assert app.text_input[0].proto.max_chars == 0, "the browser would drop a longer text that is pasted"
    save(app, "x" * 130)
    assert "It has 130 characters." in app.error[0].value
    assert app.text_input[0].value == "x" * 130
    save(app, "Rich")
    assert get_services().segments.get("rich").rule == RICH


def test_the_next_version_is_saved_over_the_one_that_was_edited(open_dialog: Callable[..., AppTest]):
    get_services().segmentation.create(SegmentDraft("Rich", RICH), actor="ann")
    save(open_dialog(RICHER, "rich"))
    saved = get_services().segments.get("rich")
    assert (saved.version, saved.rule) == (2, RICHER)


def test_a_draft_of_an_older_version_is_saved_as_a_copy(open_dialog: Callable[..., AppTest]):
    engine, segments = get_services().segmentation, get_services().segments
    engine.create(SegmentDraft("Rich", RICH), actor="ann")
    engine.update("rich", SegmentDraft("Rich", YOUNG), actor="bea", expected_version=1)
    app = open_dialog(RICHER, "rich", version=1)
    assert app.warning[0].value.startswith("bea saved version 2 while you were editing version 1.")
    assert [button.label for button in app.button] == ["Save as copy", "Open newest"]
    assert app.text_input[0].value == "Copy of Rich"
    save(app)
    assert (segments.get("rich").version, segments.get("rich").rule) == (2, YOUNG)
    assert segments.get("copy-of-rich").rule == RICHER
