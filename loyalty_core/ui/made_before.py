"""Figures and texts made before, so that a page that is drawn again does not make them again.

Making a Plotly figure takes as long as everything else on a page. What it shows follows from the arguments of the
function that makes it, and from how the viewer sees it: theme, locale, currency and time zone. It is found by the
content of all of these, so it is never older than its data, and shows nobody what they could not see anyway.
"""

import hashlib
import json
import pickle
import threading
from functools import partial
from typing import Any, Self, TypeVar

import plotly.io
import streamlit as st
from cachetools import LRUCache
from plotly.basedatatypes import BaseFigure
from plotly.graph_objects import Figure

from loyalty_core.settings import get_settings

Made = TypeVar("Made")
FigureMaker = partial[Figure]

_made: LRUCache[bytes, Any] = LRUCache(maxsize=200)
_lock = threading.Lock()


class MadeFigure(BaseFigure):
    """A figure as plain JSON values, which Streamlit sends without copying and validating them."""

    def __init__(self, content: dict[str, Any]) -> None:
        # The initialisation of the base class would build a figure from it again.
        object.__setattr__(self, "content", content)

    @classmethod
    def of(cls, figure: Figure) -> Self:
        """What Plotly would send of the figure."""
        return cls(json.loads(plotly.io.to_json(figure.to_dict(), validate=False) or "{}"))

    def to_dict(self) -> dict[str, Any]:
        """The content, which is shared: not to be changed."""
        return object.__getattribute__(self, "content")


def made_before(make: partial[Made]) -> Made:
    """What `make` returns; it is called only if it has not been called with equal arguments before.

    The arguments must be picklable; the result is shared and must not be changed.
    """
    settings = get_settings()
    look = st.context.theme.type, st.context.locale, settings.currency, settings.time_zone
    key = hashlib.sha256(pickle.dumps((make, look))).digest()
    with _lock:
        if key in _made:
            return _made[key]
    result = make()
    with _lock:
        _made[key] = result
    return result
