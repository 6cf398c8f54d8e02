"""Names from the data and from people are shown as they are on every screen, whatever Markdown or HTML is in them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.ui.navigation import SEGMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamlit.testing.v1 import AppTest

    from tests.fixtures.hostile import Hostile
    from tests.fixtures.screens import OpenScreen

pytestmark = pytest.mark.extended

# The parts of the name that Markdown would change: each is escaped, the sign of the address with a directive.
RENDERED = re.compile(r"(?<!\\)\*a\*|(?<!\\)<b>|(?<!\\)\[c\]|(?<!\\):red\[f|(?<!\\)\$g|h@i")
# Fields of Streamlit's messages that are shown without Markdown, and those that a person does not see.
PLAIN = {
    "alt", "args_json", "columns", "cssClass", "default", "element_id", "figure", "form_id", "id", "json_args",
    "language", "page_script_hash", "placeholder", "query_string", "raw_value", "set_value", "spec", "url",
    "value_json",
}  # fmt: skip
PLAIN_IN = {
    "Selectbox": {"options", "default", "raw_value"},
    "MultiSelect": {"options", "default", "raw_values"},
    "TextInput": {"value", "default"},
    "TextArea": {"value", "default"},
    "Code": {"code_text"},
    "Json": {"body"},
}


def texts_in(message: Any) -> Iterator[tuple[str, str]]:
    """Every text of a message that Streamlit shows as Markdown, with the name of its field."""
    kind = message.DESCRIPTOR.name
    for field, value in message.ListFields():
        if field.name in PLAIN | PLAIN_IN.get(kind, set()):
            continue
        for one in value if field.is_repeated else [value]:
            if isinstance(one, str):
                yield f"{kind}.{field.name}", one
            elif hasattr(one, "DESCRIPTOR"):
                yield from texts_in(one)


def markdown_of(app: AppTest) -> Iterator[tuple[str, str]]:
    for root in (app.main, app.sidebar):
        for part in root:
            if getattr(part, "proto", None) is not None:
                yield from texts_in(part.proto)


def rendered(app: AppTest) -> list[str]:
    """What would be shown in another way than it is written."""
    found = [f"{field}: {text}" for field, text in markdown_of(app) if RENDERED.search(text)]
    for chart in app.get("plotly_chart"):
        found += [f"chart: {text}" for text in re.findall(r'"[^"]*<b>b[^"]*"', chart.proto.spec)]
    for table in app.table:
        found += [f"table: {text}" for text in map(str, table.value.to_numpy().ravel()) if RENDERED.search(text)]
    return found


def test_names_are_shown_as_they_are_on_every_screen(hostile: Hostile, open_screen: OpenScreen):
    named = 0
    for screen, parameters in hostile.screens() + hostile.views():
        app = open_screen(screen, **parameters)
        assert not app.exception, parameters
        assert not [error.value for error in app.error if "Something went wrong" in error.value], parameters
        assert rendered(app) == [], parameters
        named += any("\\<b\\>" in text for _, text in markdown_of(app))
    assert named > 15


def test_the_check_finds_what_would_be_rendered(
    hostile: Hostile, open_screen: OpenScreen, monkeypatch: pytest.MonkeyPatch
):
    from loyalty_core.ui.segments.detail import view  # noqa: PLC0415

    monkeypatch.setattr(view, "escape", lambda text, **_: text)
    found = rendered(open_screen(SEGMENTS, segment=hostile.segment))
    assert any(text.startswith("Heading.body") for text in found), json.dumps(found)
