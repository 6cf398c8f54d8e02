"""A card of the dashboard as data: what it shows, whichever way it is drawn."""

from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go

from loyalty_core.ui.navigation import Screen

Shape = Literal["columns", "ring", "ranking"]


@dataclass(frozen=True)
class Mark:
    """One bar, part or row: its name, its value, the value as text, a sentence about it, and the change of it.

    `share` is the value as a share of all customers, 0 to 1. `segment_id` is the segment that a click opens.
    """

    label: str
    value: float
    sentence: str
    shown: str = ""
    change: str = ""
    color: str | None = None
    share: float | None = None
    segment_id: str | None = None

    @property
    def numbers(self) -> str:
        """The value and its change."""
        return f"{self.shown}  {self.change}".strip()


@dataclass(frozen=True)
class Card:
    """A chart of columns, a ring of parts, or a ranking, with the screen to open for more; `empty` says why no marks.

    `figure` is the same for Plotly; a ranking has none, since its bars are drawn by Streamlit.
    """

    id: str
    title: str
    shape: Shape
    marks: tuple[Mark, ...] = ()
    figure: go.Figure | None = None
    note: str = ""
    empty: str = ""
    screen: Screen | None = None

    @property
    def label_title(self) -> str:
        """What each column is, with its unit."""
        return _title(self.figure, "xaxis")

    @property
    def value_title(self) -> str:
        """What the heights of the columns measure, with its unit."""
        return _title(self.figure, "yaxis")

    @property
    def alt(self) -> str:
        """What it shows, in a sentence."""
        return f"{self.title}."


def _title(figure: go.Figure | None, axis: str) -> str:
    layout: Any = figure.layout if figure else None
    return layout[axis].title.text if layout else ""
