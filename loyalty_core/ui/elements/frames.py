"""Frames of streamlit-elements and what is drawn in them; import only where `elements.is_available()`.

A frame is stored in the session while it is drawn, so none may be drawn in a parallel fragment.
"""

import json
from collections.abc import Callable

from streamlit_elements import dashboard, editor, html, mui, nivo
from streamlit_elements.core.callback import ElementsCallback
from streamlit_elements.core.frame import new_frame

__all__ = ["Script", "dashboard", "editor", "html", "mui", "new_frame", "nivo"]


class Script(ElementsCallback):
    """JavaScript to run in the browser, where streamlit-elements would call the server on every event.

    With a `callback`, `%s` in it is replaced by the id under which that is called. Texts of the data belong in it as
    JSON only, and in none that has a callback.
    """

    __slots__ = ("_calls", "_source")

    def __init__(self, source: str, callback: Callable[..., None] | None = None) -> None:
        super().__init__(callback or _do_nothing)
        self._source = source
        self._calls = callback is not None

    def serialize(self, callback_id: str) -> None:
        self._serialized = self._source.replace("%s", json.dumps(callback_id)) if self._calls else self._source


def _do_nothing() -> None:
    """Called by no script."""
