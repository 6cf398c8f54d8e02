"""What a score means in days, purchases and money, by the cut points."""

from itertools import pairwise
from math import ceil, floor, inf

from loyalty_core.rfm import RfmCutPoints, Rule
from loyalty_core.settings import RfmMeasure
from loyalty_core.ui import formatting

MEASURES: tuple[RfmMeasure, ...] = ("recency", "frequency", "monetary")
_UNITS: dict[RfmMeasure, str] = {"recency": "days", "frequency": "purchases", "monetary": ""}
_NOBODY = "nobody"


def score_ranges(cut_points: RfmCutPoints, measure: RfmMeasure, *, whole: bool) -> dict[int, str]:
    """Score → the values that have it, in short: "13–25", "≥ 81", "€120.00–€340.00", "≥ €1,235".

    `whole` says that the column holds whole numbers. Where two cut points are equal nobody has the score between.
    """
    ends = pairwise((-inf, *getattr(cut_points, measure), inf))
    if whole:
        ranges = [_whole(*_whole_ends(low, high, cut_points.rule), measure) for low, high in ends]
    else:
        ranges = [_continuous(low, high, measure, cut_points.rule) for low, high in ends]
    return dict(zip(range(5, 0, -1) if measure == "recency" else range(1, 6), ranges, strict=True))


def with_unit(text: str, measure: RfmMeasure) -> str:
    """A range with its unit: "13–25 days", "1 purchase"."""
    unit = _UNITS[measure]
    if text == _NOBODY or not unit:
        return text
    return f"{text} {unit.removesuffix('s') if text == '1' else unit}"


def _whole_ends(low: float, high: float, rule: Rule) -> tuple[float, float]:
    """The first and last whole number: a cut point belongs to the range below it, under the rule "r" above."""
    if rule == "default":
        return (floor(low) + 1 if low > -inf else low), (floor(high) if high < inf else high)
    return (ceil(low) if low > -inf else low), (ceil(high) - 1 if high < inf else high)


def _whole(first: float, last: float, measure: RfmMeasure) -> str:
    if first > last:
        return _NOBODY
    if first == -inf:
        return f"≤ {_written_whole(last, measure)}"
    if last == inf:
        return f"≥ {_written_whole(first, measure)}"
    return _written_whole(first, measure) + ("" if first == last else f"–{_written_whole(last, measure)}")


def _continuous(low: float, high: float, measure: RfmMeasure, rule: Rule) -> str:
    up_to, beyond = ("≤", ">") if rule == "default" else ("<", "≥")
    if low >= high:
        return _NOBODY
    if low == -inf:
        return f"{up_to} {_written(high, measure)}"
    if high == inf:
        return f"{beyond} {_written(low, measure)}"
    return f"{_written(low, measure)}–{_written(high, measure)}"


def _written_whole(number: float, measure: RfmMeasure) -> str:
    return formatting.whole_money(number) if measure == "monetary" else formatting.count(int(number))


def _written(number: float, measure: RfmMeasure) -> str:
    return formatting.money(number) if measure == "monetary" else formatting.significant(number, 4)
