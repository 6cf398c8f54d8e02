"""Whether streamlit-elements works with the installed Streamlit, with its callbacks connected.

The package (last released in 2022) connects callbacks by patching a function that Streamlit no longer calls. Components
take `on_change` directly today, so callbacks are passed that way. tests/ui/elements/test_contract.py checks everything
that this relies on.
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
_connecting = threading.Lock()
_FAILED = "elements-failed"
# Without these files a frame, or the editor in it, stays blank in the browser.
_FRONTEND = ("index.html", "monaco/vs/loader.js", "monaco/vs/language/json/jsonWorker.js")


def is_available() -> bool:
    """Whether frames can be drawn; the first call in the process connects the callbacks.

    Also False in a session whose browser reported that it could not draw a frame.
    """
    with _connecting:
        usable = _connect()
    return usable and not st.session_state.get(_FAILED, False)


@cache
def _connect() -> bool:
    try:
        with warnings.catch_warnings():
            # An invalid escape sequence in the package raises a warning on the first import.
            warnings.simplefilter("ignore")
            from streamlit_elements.core import frame, render  # noqa: PLC0415
        _require_frontend(render)
        frame.render_component = _with_callbacks(frame.render_component)
    except Exception as error:  # noqa: BLE001
        # A new Streamlit may break the package in any way; the screens have a plain fallback.
        _log.warning("streamlit-elements cannot be used: %r", error)
        return False
    return True


def _require_frontend(render: ModuleType) -> None:
    folder = Path(render.ELEMENTS_FRONTEND["path"])
    missing = [file for file in _FRONTEND if not (folder / file).is_file()]
    if missing:
        raise FileNotFoundError(", ".join(missing))


def _with_callbacks(render_component: Callable[..., Any]) -> Callable[..., Any]:
    """The component with its frame's callbacks called on every change."""
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
