"""A card of the dashboard as data: what it shows, whichever way it is drawn."""

from dataclasses import dataclass
from typing import Literal

from loyalty_core.ui.made_before import FigureMaker
from loyalty_core.ui.navigation import Screen

Shape = Literal["columns", "ring", "ranking"]


@dataclass(frozen=True)
class Mark:
    """One bar, part or row: its name, its value, the value as text, a sentence about it, and the change of it.

    `share` is the value as a share of all customers, 0 to 1. `segment_id` is the segment that a click opens.
    `opacity` is below 1 for a bar that is not complete yet.
    """

    label: str
    value: float
    sentence: str
    shown: str = ""
    change: str = ""
    color: str | None = None
    share: float | None = None
    segment_id: str | None = None
    opacity: float = 1.0

    @property
    def numbers(self) -> str:
        """The value and its change."""
        return f"{self.shown}  {self.change}".strip()


@dataclass(frozen=True)
class Card:
    """A chart of columns, a ring of parts, or a ranking, with the screen to open for more; `empty` says why no marks.

    `figure` makes the same for Plotly; a ranking has none, since its bars are drawn by Streamlit. `label_title` says
    what each column is and `value_title` what their heights measure, with their units.
    """

    id: str
    title: str
    shape: Shape
    marks: tuple[Mark, ...] = ()
    figure: FigureMaker | None = None
    label_title: str = ""
    value_title: str = ""
    note: str = ""
    empty: str = ""
    screen: Screen | None = None

    @property
    def alt(self) -> str:
        """What it shows, in a sentence."""
        return f"{self.title}."
