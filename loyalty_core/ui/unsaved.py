"""Changes that are not saved, offered again on the list of what they belong to."""

from collections.abc import Callable

import streamlit as st

from loyalty_core.ui.text import escape


def draw_unsaved(
    key: str | None, name: str | None, kind: str, on_continue: Callable[[], None], on_discard: Callable[[], None]
) -> None:
    """One set of changes, to what has that name or to a new one of its kind, with buttons to go on and to discard."""
    where = f"to **{escape(name)}**" if name is not None else f"in a new {escape(kind)}"
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/edit_note: You have changes {where} that are not saved.", width="stretch")
        if st.button("Continue", key=f"unsaved-continue-{key or 'new'}"):
            on_continue()
        if st.button("Discard", key=f"unsaved-discard-{key or 'new'}", type="tertiary"):
            on_discard()
            st.rerun()
