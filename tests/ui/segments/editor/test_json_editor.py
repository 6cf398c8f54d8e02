"""The editor's frame and its faults, without a browser."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from loyalty_core.ui import elements
from tests.fixtures.screens import texts_of


def _page() -> None:
    # AppTest runs the text of this function alone.
    import streamlit as st  # noqa: PLC0415

    from loyalty_core.rules import Fault  # noqa: PLC0415
    from loyalty_core.ui.segments.editor.json_editor import draw_json_editor  # noqa: PLC0415

    state = st.session_state
    state.setdefault("text", '{"and": [\n' + ",\n".join("0" for _ in range(30)) + "\n]}")
    faults = [Fault("bad", f"$.and[{at}]", f"Wrong {at}.", "Mend *it*.") for at in reversed(range(state.faults))]
    draw_json_editor(state.text, faults, key="rule", on_change=lambda text: state.update(text=text))


def _open(faults: int = 0) -> AppTest:
    app = AppTest.from_function(_page, default_timeout=60)
    app.session_state.faults = faults
    return app.run()


def _errors(app: AppTest) -> list[str]:
    return [error.value.replace("\\", "") for error in app.error]


@pytest.fixture
def without_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where streamlit-elements cannot be used."""
    monkeypatch.setattr(elements, "is_available", lambda: False)


def test_faults_come_in_the_order_of_their_lines():
    assert _errors(_open(faults=2)) == [
        "Line 2, $.and[0]\n\n**Wrong 0.** Mend *it*.",
        "Line 3, $.and[1]\n\n**Wrong 1.** Mend *it*.",
    ]


def test_of_many_faults_some_are_shown():
    app = _open(faults=25)
    assert len(app.error) == 20
    assert "And 5 more." in texts_of(app)


def test_the_fallback_takes_an_edit_and_shows_where_json_ends(without_elements: None):
    app = _open(faults=1)
    app.text_area[0].set_value('{"and": [\n1 2]}').run()
    assert app.session_state.text == '{"and": [\n1 2]}'
    (error,) = _errors(app)
    assert error.startswith("**The text is not JSON at line 2, column 3: expecting ',' sign.**")


def test_the_fallback_follows_a_text_from_elsewhere(without_elements: None):
    app = _open()
    for text in ("[1]", "[2]"):
        app.text_area[0].set_value(text).run()
        app.session_state.text = "{}"
        assert app.run().text_area[0].value == "{}"


def test_a_deep_or_huge_text_is_drawn():
    app = _open(faults=1)
    for text in ("[" * 100_000, json.dumps(["x" * 100] * 20_000)):
        app.session_state.text = text
        assert not app.run().exception
    assert _errors(app)[0].startswith("Line 1, $.and[0]")
