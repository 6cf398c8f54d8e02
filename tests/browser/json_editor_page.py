"""A page of nothing but the JSON editor: what it took, how often it ran, and a rule from elsewhere."""

import json

import streamlit as st

from loyalty_core.rules import Fault
from loyalty_core.ui.segments.editor.json_editor import draw_json_editor

FIRST = {"and": [{">": [{"var": "age"}, 30]}, {"==": [{"var": "segment:vip"}, True]}]}
FAULTS = [Fault("unknown_column", "$.and[1].==[0].var", "There is no column *agee*.", "Did you mean age?")]

state = st.session_state


def take(text: str) -> None:
    state.text = text
    state.taken += 1


def take_from_elsewhere() -> None:
    state.text = '{"restored": 1}'


def misspell() -> None:
    state.text = state.text.replace("segment:vip", "agee")


def draw() -> None:
    state.setdefault("text", json.dumps(FIRST, indent=2))
    state.setdefault("taken", 0)
    st.button("Misspell", on_click=misspell)
    st.button("Restore", on_click=take_from_elsewhere)
    st.button("Run again")
    # Above the editor, where they do not move when it comes and goes.
    st.text(f"Taken {state.taken}")
    st.code(state.text, language="json")
    if st.toggle("Editor", value=True):
        draw_json_editor(state.text, FAULTS if "agee" in state.text else [], key="rule", on_change=take)


# The test takes FIRST from here without drawing the page.
if __name__ == "__main__":
    draw()
