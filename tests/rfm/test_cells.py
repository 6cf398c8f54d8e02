"""The map of 125 cells: total, sensible, and the same for one customer and for many."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from loyalty_core.rfm import NO_PURCHASES, SCORES, SEGMENT_NAMES, SEGMENTS
from loyalty_core.rfm.cells import GRID, segment_details, segment_of, segment_positions

CELLS = list(product(SCORES, repeat=3))
NAMES = [segment.name for segment in SEGMENTS]


def test_every_cell_has_one_of_the_eleven_segments_and_every_segment_has_cells() -> None:
    assert len(CELLS) == 125
    assert {segment_of(*cell) for cell in CELLS} == set(NAMES)
    assert NAMES == [
        "Lost",
        "Hibernating",
        "About To Sleep",
        "At Risk",
        "Can't Lose Them",
        "Need Attention",
        "Promising",
        "New",
        "Potential Loyalists",
        "Loyal",
        "Champions",
    ]


@pytest.mark.parametrize(
    ("cell", "segment"),
    [
        ((5, 5, 5), "Champions"),
        ((4, 4, 4), "Champions"),
        ((5, 1, 1), "New"),  # a first purchase yesterday
        ((5, 1, 5), "New"),  # even a big one
        ((4, 1, 1), "Promising"),
        ((5, 2, 2), "Potential Loyalists"),
        ((4, 5, 1), "Loyal"),
        ((3, 5, 5), "Loyal"),
        ((3, 3, 3), "Need Attention"),
        ((3, 1, 1), "About To Sleep"),
        ((2, 3, 3), "At Risk"),
        ((1, 5, 5), "Can't Lose Them"),
        ((2, 4, 5), "Can't Lose Them"),
        ((2, 1, 1), "Hibernating"),
        ((1, 1, 1), "Lost"),
    ],
)
def test_cells_an_analyst_would_name_the_same(cell: tuple[int, int, int], segment: str) -> None:
    assert segment_of(*cell) == segment


@pytest.mark.parametrize("measure", [0, 1, 2])
def test_a_better_score_never_leads_to_a_weaker_segment(measure: int) -> None:
    for cell in CELLS:
        if cell[measure] < 5:
            better = tuple(score + (place == measure) for place, score in enumerate(cell))
            assert NAMES.index(segment_of(*better)) >= NAMES.index(segment_of(*cell)), (cell, better)


def test_only_the_recent_are_champions_and_only_the_silent_are_lost() -> None:
    recency = {name: {r for r, f, m in CELLS if segment_of(r, f, m) == name} for name in NAMES}
    assert recency["Champions"] == {4, 5}
    assert recency["New"] == {5}
    assert recency["Can't Lose Them"] == recency["At Risk"] == {1, 2}
    assert recency["Lost"] == {1}


def test_many_at_once_have_the_segments_of_each() -> None:
    positions = segment_positions(np.array(CELLS, dtype=np.int8))
    assert [SEGMENT_NAMES[position] for position in positions] == [segment_of(*cell) for cell in CELLS]


@pytest.mark.parametrize("cell", [(0, 3, 3), (3, 6, 3), (3, 3, -1)])
def test_a_score_off_the_scale_is_an_error(cell: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="is not one of 1 to 5"):
        segment_of(*cell)


def test_every_segment_has_a_meaning_and_an_action() -> None:
    segments = (*SEGMENTS, NO_PURCHASES)
    assert len({segment.advice for segment in segments}) == len({segment.meaning for segment in segments}) == 12
    assert segment_details("Can't Lose Them").advice.startswith("Win them back")
    assert segment_details("No Purchases") is NO_PURCHASES


def test_the_documentation_shows_the_same_grid() -> None:
    page = (Path(__file__).parents[2] / "docs/rfm.md").read_text("utf-8")
    assert GRID in page
    for segment in SEGMENTS:
        assert f"| {segment.name} |" in page
