"""The rule as JSON in an editor, and below it the errors by line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from loyalty_core.rules import Fault, RuleError
from loyalty_core.ui import elements, formatting
from loyalty_core.ui.segments.editor.json_lines import lines_of, read_rule
from loyalty_core.ui.text import escape

_MAX_SHOWN = 20


@dataclass(slots=True)
class _Held:
    """The content of an editor as the server knows it; the revision increases when another text replaces it."""

    text: str
    revision: int = 0


def draw_json_editor(
    text: str, faults: Sequence[Fault], *, key: str, on_change: Callable[[str], None], height: int = 420
) -> None:
    """An editor with `text`, which calls `on_change` with the new text when a person pauses or leaves.

    The caller passes back the text it got by `on_change`: any other text replaces the content of the editor, with
    the cursor and the undo history. `faults` are those of the rule; where the text is not JSON, that is shown instead.
    """
    held = _held(key, text)

    def take(edited: str) -> None:
        if edited != held.text:
            held.text = edited
            on_change(edited)

    if elements.is_available():
        # Not above: the import fails where streamlit-elements cannot be used.
        from loyalty_core.ui.elements.monaco import draw_monaco  # noqa: PLC0415

        draw_monaco(text, held.revision, key=key, height=height, on_change=take)
        st.caption("Changes apply when you pause. To leave with the Tab key, press Ctrl+M first.")
    else:
        _draw_text_area(text, held.revision, key=key, height=height, on_change=take)
    _draw_faults(text, faults)


def _held(key: str, text: str) -> _Held:
    held: _Held = st.session_state.setdefault(f"{key}-held", _Held(text))
    if held.text != text:
        held.text, held.revision = text, held.revision + 1
    return held


def _draw_text_area(text: str, revision: int, *, key: str, height: int, on_change: Callable[[str], None]) -> None:
    area = f"{key}-text-{revision}"

    def take() -> None:
        on_change(st.session_state[area])

    st.text_area("Rule as JSON", text, key=area, height=height, on_change=take)
    # It has no action: pressing it takes the focus from the text, and that applies the text.
    st.button("Apply", icon=":material/check:", key=f"{key}-apply")


def _draw_faults(text: str, faults: Sequence[Fault]) -> None:
    try:
        read_rule(text)
    except RuleError as error:
        for fault in error.faults:
            _draw_fault(fault, "")
        return
    lines = lines_of(text, {fault.path for fault in faults[:_MAX_SHOWN]})
    for fault in sorted(faults[:_MAX_SHOWN], key=lambda fault: lines[fault.path]):
        _draw_fault(fault, f"Line {formatting.count(lines[fault.path])}, {escape(fault.path)}")
    if len(faults) > _MAX_SHOWN:
        st.caption(f"And {len(faults) - _MAX_SHOWN} more.")


def _draw_fault(fault: Fault, place: str) -> None:
    parts = [f"**{escape(fault.sentence)}**", escape(fault.remedy)]
    st.error("\n\n".join(part for part in (place, " ".join(part for part in parts if part)) if part))
