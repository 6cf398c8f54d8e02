"""streamlit-elements on this Streamlit: its callbacks made to work again, and a word on whether it can be used.

The package passes callbacks through a function that Streamlit no longer calls. A component takes `on_change` itself
nowadays, so that is how they go. Frames keep what they draw in the session: none may stand in a parallel fragment.
"""

import inspect
import logging
import threading
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import streamlit as st

_log = logging.getLogger(__name__)
_mending = threading.Lock()
_FAILED = "elements-failed"
# What the browser asks for: without these a frame, or the editor in it, stays blank.
_FRONTEND = ("index.html", "monaco/vs/loader.js", "monaco/vs/language/json/jsonWorker.js")


def is_available() -> bool:
    """Whether streamlit-elements can be drawn here; the first call in the process mends it.

    False as well in a session whose browser reported that it could not draw a frame.
    """
    with _mending:
        usable = _mend()
    return usable and not st.session_state.get(_FAILED, False)


@cache
def _mend() -> bool:
    try:
        with warnings.catch_warnings():
            # The package has an invalid escape sequence, of which Python warns on the first import.
            warnings.simplefilter("ignore")
            from streamlit_elements.core import frame, render  # noqa: PLC0415
        _require_frontend(render)
        frame.render_component = _with_callbacks(frame.render_component)
    except Exception as error:  # noqa: BLE001
        # Whatever a changed Streamlit makes of it: the pages have another way to draw the same.
        _log.warning("streamlit-elements cannot be used: %r", error)
        return False
    return True


def _require_frontend(render: ModuleType) -> None:
    folder = Path(render.ELEMENTS_FRONTEND["path"])
    missing = [file for file in _FRONTEND if not (folder / file).is_file()]
    if missing:
        raise FileNotFoundError(", ".join(missing))


def _with_callbacks(render_component: Callable[..., Any]) -> Callable[..., Any]:
    """The component, calling back."""
    if "on_change" not in inspect.signature(render_component).parameters:
        raise TypeError("Streamlit's components take no on_change.")

    def render_with_callbacks(*, key: str, **arguments: Any) -> Any:
        return render_component(key=key, on_change=lambda: _dispatch(key), **arguments)

    return render_with_callbacks


def _dispatch(key: str) -> None:
    from streamlit_elements.core.callback import CALLBACK_KEY  # noqa: PLC0415
    from streamlit_elements.core.exceptions import ElementsFrontendError  # noqa: PLC0415

    try:
        st.session_state[CALLBACK_KEY][key].dispatch()
    except ElementsFrontendError as error:
        _log.warning("A browser could not draw a frame of streamlit-elements: %s", error)
        st.session_state[_FAILED] = True
