"""Scores in days, purchases and money: a range says exactly who has the score."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from loyalty_core.rfm import RfmColumns, RfmCutPoints, Rule, score_one
from loyalty_core.ui.rfm.score_ranges import MEASURES, score_ranges, with_unit

if TYPE_CHECKING:
    from loyalty_core.settings import RfmMeasure
    from tests.workbench import Configure

POINTS = RfmCutPoints(
    recency=(9, 24.5, 24.5, 169),
    frequency=(1, 2, 3, 8.5),
    monetary=(10, 99.9, 250, 1234.5),
    columns=RfmColumns("days", "orders", "spent"),
    rule="default",
    customers=10,
    never_bought=0,
    as_of=datetime(2026, 1, 1, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("measure", "whole", "rule", "expected"),
    [
        ("recency", True, "default", {5: "≤ 9", 4: "10–24", 3: "nobody", 2: "25–169", 1: "≥ 170"}),
        ("recency", True, "r", {5: "≤ 8", 4: "9–24", 3: "nobody", 2: "25–168", 1: "≥ 169"}),
        ("recency", False, "default", {5: "≤ 9", 4: "9–24.5", 3: "nobody", 2: "24.5–169", 1: "> 169"}),
        ("frequency", True, "default", {1: "≤ 1", 2: "2", 3: "3", 4: "4–8", 5: "≥ 9"}),
        ("frequency", True, "r", {1: "≤ 0", 2: "1", 3: "2", 4: "3–8", 5: "≥ 9"}),
        (
            "monetary",
            False,
            "default",
            {1: "≤ €10.00", 2: "€10.00–€99.90", 3: "€99.90–€250.00", 4: "€250.00–€1,234.50", 5: "> €1,234.50"},
        ),
        (
            "monetary",
            True,
            "default",
            {1: "≤ €10", 2: "€11–€99", 3: "€100–€250", 4: "€251–€1,234", 5: "≥ €1,235"},
        ),
        (
            "monetary",
            False,
            "r",
            {1: "< €10.00", 2: "€10.00–€99.90", 3: "€99.90–€250.00", 4: "€250.00–€1,234.50", 5: "≥ €1,234.50"},
        ),
    ],
)
def test_ranges(configure: Configure, measure: RfmMeasure, whole: bool, rule: Rule, expected: dict[int, str]):
    configure()
    assert score_ranges(replace(POINTS, rule=rule), measure, whole=whole) == expected


@pytest.mark.parametrize("rule", ["default", "r"])
@pytest.mark.parametrize("measure", ["recency", "frequency"])
def test_every_whole_number_is_in_the_range_of_its_score(measure: RfmMeasure, rule: Rule):
    points = replace(POINTS, rule=rule)
    ranges = score_ranges(points, measure, whole=True)
    for value in range(200):
        score = score_one(dict.fromkeys(points.columns, value), points)[MEASURES.index(measure)]
        assert [of for of, text in ranges.items() if holds(text, value)] == [score], value


def holds(text: str, value: int) -> bool:
    low, high = {
        "≤": lambda n: (-1, n[0]),
        "≥": lambda n: (n[0], 10_000),
    }.get(text[0], lambda n: (n[0], n[-1]) if n else (1, 0))([int(number) for number in re.findall(r"\d+", text)])
    return low <= value <= high


def test_units():
    assert with_unit("13–25", "recency") == "13–25 days"
    assert with_unit("1", "frequency") == "1 purchase"
    assert with_unit("≤ 1", "frequency") == "≤ 1 purchases"
    assert with_unit("nobody", "recency") == "nobody"
    assert with_unit("> €9.00", "monetary") == "> €9.00"
