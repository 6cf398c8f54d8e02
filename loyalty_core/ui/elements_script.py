"""JavaScript of our own for streamlit-elements; import it only where `elements.is_available()`."""

import json
from collections.abc import Callable

from streamlit_elements.core.callback import ElementsCallback


class Script(ElementsCallback):
    """JavaScript where streamlit-elements would write a function that calls the server every time.

    `%s` in it becomes the id under which `callback` is called.
    """

    __slots__ = ("_source",)

    def __init__(self, source: str, callback: Callable[..., None] = lambda: None) -> None:
        super().__init__(callback)
        self._source = source

    def serialize(self, callback_id: str) -> None:
        self._serialized = self._source.replace("%s", json.dumps(callback_id))
