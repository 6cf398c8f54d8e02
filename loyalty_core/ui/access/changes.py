"""Changes made on the Access page: done at once, or after a question where people would be locked out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from loyalty_core.errors import LoyaltyError
from loyalty_core.ui.messages import show_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.access import Role


def change(action: Callable[[], object]) -> None:
    """Run `action` and redraw the page; an error is shown instead."""
    try:
        action()
    except LoyaltyError as error:
        show_error(error, retry=False)
    else:
        st.rerun()


def confirm(title: str, question: str, label: str, action: Callable[[], object]) -> None:
    """Ask in a dialog before `action` runs. `question` is Markdown: escape names in it."""
    st.dialog(title, icon=":material/warning:")(_draw_question)(question, label, action)


def _draw_question(question: str, label: str, action: Callable[[], object]) -> None:
    st.markdown(question)
    if st.button(label, type="primary", key="confirmed"):
        change(action)


def title_of(roles: dict[str, Role], name: str) -> str:
    """The title of a role; its name where it has been deleted."""
    return roles[name].title if name in roles else name
