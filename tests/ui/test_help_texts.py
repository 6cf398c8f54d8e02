"""Every figure says how it is computed, and every field of a day takes days in the same form."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tests.workbench import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator


def figures_without_help(source: str) -> Iterator[int]:
    """The lines of calls of `st.metric` without a help text; a figure whose label is hidden has none to hold it."""
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "metric":
            named = {keyword.arg for keyword in call.keywords}
            if named.isdisjoint({"help", "label_visibility"}):
                yield call.lineno


def test_a_figure_without_help_is_found():
    assert list(
        figures_without_help('st.metric("A", 1)\nst.metric("B", 2, help="The sum.")\nplace.metric("C", 3)')
    ) == [1, 3]


def test_every_figure_has_a_help_text():
    screens = [*(ROOT / "loyalty_core/ui").rglob("*.py"), *(ROOT / "pages").glob("*.py")]
    found = [f"{file.relative_to(ROOT)}:{line}" for file in screens for line in figures_without_help(file.read_text())]
    assert found == []


def test_every_field_of_a_day_has_the_form_that_no_reader_mistakes():
    found = [
        f"{file.relative_to(ROOT)}:{call.lineno}"
        for file in [*(ROOT / "loyalty_core/ui").rglob("*.py"), *(ROOT / "pages").glob("*.py")]
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "date_input"
        if "formatting.DAY_FIELD" not in [ast.unparse(keyword.value) for keyword in call.keywords]
    ]
    assert found == []
