"""Fragments: parts of a page that are drawn again alone, while the viewer may still see what the page was drawn for."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import streamlit as st

from loyalty_core.access import NotSignedIn, current_viewer
from loyalty_core.ui.slow_runs import slowness_shown

P = ParamSpec("P")

_KEY = "access-of-page"


def remember_access() -> None:
    """Remember what the viewer may do and see as the page is drawn."""
    st.session_state[_KEY] = _access()


def fragment(
    *, parallel: bool = False, run_every: float | None = None
) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Like `st.fragment`, but draws the whole page again where the viewer's rights or scope have changed since.

    A fragment may hold figures that the page read for it, which nothing else would refuse.
    """

    def decorate(draw: Callable[P, None]) -> Callable[P, None]:
        @wraps(draw)
        def checked(*arguments: P.args, **named: P.kwargs) -> None:
            if _KEY in st.session_state and st.session_state[_KEY] != _access():
                st.rerun()
            with slowness_shown():
                draw(*arguments, **named)

        return st.fragment(checked, parallel=parallel, run_every=run_every)

    return decorate


def _access() -> Any:
    try:
        viewer = current_viewer()
    except NotSignedIn:
        return None
    return viewer.id, viewer.actions, viewer.scope
