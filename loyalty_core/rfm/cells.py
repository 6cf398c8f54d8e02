"""Segments for the 125 combinations of recency, frequency and monetary scores, with advice for each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt

SCORES = (1, 2, 3, 4, 5)

# (recency, frequency, monetary), ordered by code: 111, 112, …, 555.
CELLS: tuple[tuple[int, int, int], ...] = tuple(product(SCORES, SCORES, SCORES))


@dataclass(frozen=True)
class Segment:
    """An RFM segment: who is in it, and advice for marketing to them."""

    name: str
    meaning: str
    advice: str


# Weakest first: a better score in any one measure never leads to an earlier segment.
_BY_CODE = {
    "LT": Segment(
        "Lost",
        "Bought little, and long ago.",
        "Exclude them from paid campaigns; send one low-cost win-back message, then suppress.",
    ),
    "HI": Segment(
        "Hibernating",
        "Last bought long ago, with few or small purchases.",
        "Remind them with their favourite category and a modest offer; stop if they do not respond.",
    ),
    "AS": Segment(
        "About To Sleep",
        "Few purchases, and the last one is getting old.",
        "Reactivate now with popular products and a limited-time offer.",
    ),
    "AR": Segment(
        "At Risk",
        "Bought often or spent well, but not for a long time.",
        "Send a personal message with a renewal offer, and ask what went wrong.",
    ),
    "CL": Segment(
        "Can't Lose Them",
        "Once among the best customers, but inactive for a long time.",
        "Win them back in person: a call, a strong individual offer, service recovery before discounts.",
    ),
    "NA": Segment(
        "Need Attention",
        "About average in everything, and slowing down.",
        "Make a timely offer based on past purchases, before they drift away.",
    ),
    "PR": Segment(
        "Promising",
        "Have bought rarely, and more recently than most.",
        "Build awareness: show the programme's benefits, and offer a reason for the next purchase.",
    ),
    "NE": Segment(
        "New",
        "Have bought rarely, and are among the customers who bought last.",
        "Welcome them, explain the programme, and encourage a second purchase within weeks.",
    ),
    "PL": Segment(
        "Potential Loyalists",
        "Bought more recently than most, and have come back.",
        "Recommend related products, and offer membership or a higher tier.",
    ),
    "LO": Segment(
        "Loyal",
        "Buy more often than most, and bought more recently than many.",
        "Reward them, ask for reviews, and offer products of higher value.",
    ),
    "CH": Segment(
        "Champions",
        "Among the customers who bought last, they buy most often and spend the most.",
        "Thank them with early access and status rather than discounts; invite them to recommend you.",
    ),
}

# One block per recency, one line per frequency, monetary 1 → 5 across each block.
GRID = """
        recency 5        recency 4        recency 3        recency 2        recency 1
  5   LO LO LO CH CH   LO LO LO CH CH   LO LO LO LO LO   AR AR AR CL CL   AR AR AR CL CL
  4   LO LO LO CH CH   LO LO LO CH CH   NA NA LO LO LO   AR AR AR CL CL   AR AR AR CL CL
  3   PL PL PL LO LO   PL PL PL LO LO   NA NA NA NA NA   AS AS AR AR AR   HI HI AR AR AR
  2   PL PL PL PL PL   PL PL PL PL PL   AS AS NA NA NA   HI HI HI AR AR   LT LT HI HI HI
  1   NE NE NE NE NE   PR PR PR PR PR   AS AS AS NA NA   HI HI HI HI HI   LT LT LT HI HI
"""

SEGMENTS: tuple[Segment, ...] = tuple(_BY_CODE.values())

# Outside the grid, since there is no last purchase.
NO_PURCHASES = Segment(
    "No Purchases",
    "In the customer base, but have never bought.",
    "Invite them to a first purchase with a welcome offer; check how they joined.",
)

# The names, by the positions that `segment_positions` returns.
SEGMENT_NAMES: tuple[str, ...] = (*(segment.name for segment in SEGMENTS), NO_PURCHASES.name)


def _read_grid() -> npt.NDArray[np.int8]:
    """Position in SEGMENTS by [recency - 1, frequency - 1, monetary - 1]."""
    lines = [line.split()[1:] for line in GRID.strip().splitlines()[1:]]
    codes = np.array(lines).reshape(5, 5, 5)  # frequency 5 → 1, recency 5 → 1, monetary 1 → 5
    position_of = {code: position for position, code in enumerate(_BY_CODE)}
    positions = np.vectorize(position_of.__getitem__)(codes[::-1, ::-1, :])
    return positions.transpose(1, 0, 2).astype(np.int8)


_POSITIONS = _read_grid()

# The name of each of CELLS.
CELL_NAMES: tuple[str, ...] = tuple(SEGMENT_NAMES[position] for position in _POSITIONS.ravel())


def cell_index(recency: int, frequency: int, monetary: int) -> int:
    """The index in CELLS of three scores from 1 to 5."""
    return 25 * recency + 5 * frequency + monetary - 31


def segment_of(recency: int, frequency: int, monetary: int) -> str:
    """The segment's name for three scores from 1 to 5 (recency 5 = most recent)."""
    for name, score in (("recency", recency), ("frequency", frequency), ("monetary", monetary)):
        if score not in SCORES:
            raise ValueError(f"{name} score {score!r} is not one of 1 to 5")
    return CELL_NAMES[cell_index(recency, frequency, monetary)]


@lru_cache(maxsize=8)
def segment_names(cell_names: tuple[str, ...]) -> tuple[str, ...]:
    """The distinct names of the cells: built-in from weak to strong, then custom ones by name, then No Purchases."""
    custom = sorted(set(cell_names) - set(SEGMENT_NAMES))
    return (*(name for name in SEGMENT_NAMES[:-1] if name in cell_names), *custom, NO_PURCHASES.name)


def segment_positions(scores: npt.NDArray[np.int8], cell_names: tuple[str, ...] = CELL_NAMES) -> npt.NDArray[np.int8]:
    """Position in `segment_names(cell_names)` for each row of (n, 3) scores from 1 to 5."""
    cells = np.ravel_multi_index(tuple((scores - 1).T), _POSITIONS.shape)
    return _positions(cell_names)[cells]


@lru_cache(maxsize=8)
def _positions(cell_names: tuple[str, ...]) -> npt.NDArray[np.int8]:
    position_of = {name: position for position, name in enumerate(segment_names(cell_names))}
    return np.array([position_of[name] for name in cell_names], dtype=np.int8)


def segment_details(name: str) -> Segment:
    """Meaning and advice of a built-in segment; raises `KeyError` for any other name."""
    return {segment.name: segment for segment in (*SEGMENTS, NO_PURCHASES)}[name]
