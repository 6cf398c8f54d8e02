"""RFM scores: a customer's recency, frequency and monetary value compared with cut points of the whole base.

Scores are the same for one customer, over arrays and in SQL, and equal values have equal scores.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import isfinite, isnan, nan
from sys import float_info
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from loyalty_core.rfm.cells import (
    CELL_NAMES,
    CELLS,
    NO_PURCHASES,
    SCORES,
    cell_index,
    segment_names,
    segment_positions,
)
from loyalty_core.settings import RfmMeasure

FloatArray = npt.NDArray[np.float64]
Rule = Literal["default", "r"]
FourPoints = tuple[float, float, float, float]


class RfmColumns(NamedTuple):
    """The columns of the features view that hold days since the last purchase, purchases, and money."""

    recency: str
    frequency: str
    monetary: str


@dataclass(frozen=True)
class RfmCutPoints:
    """Four ascending cut points per measure, in its own unit (days, purchases, money), and where they come from.

    A score is 1 plus the number of cut points that the value passes; recency is reversed, so that 5 is the most recent.
    A value passes a cut point if it is above it; under the rule "r", if it reaches it. `customers` is the size of the
    base, `never_bought` the number of customers outside the quintiles, `as_of` the time (UTC). `cell_names` are the
    segments of the 125 CELLS. The cut points of the `custom` measures come from a saved map.
    """

    recency: FourPoints
    frequency: FourPoints
    monetary: FourPoints
    columns: RfmColumns
    rule: Rule
    customers: int
    never_bought: int
    as_of: datetime
    cell_names: tuple[str, ...] = CELL_NAMES
    custom: tuple[RfmMeasure, ...] = ()


class RfmScore(NamedTuple):
    """One customer's scores, from 1 to 5 (best), and the name of the segment."""

    recency: int
    frequency: int
    monetary: int
    segment: str


class RfmScores(NamedTuple):
    """Scores of many customers, shape (n, 3), and indices into `segment_names`."""

    scores: npt.NDArray[np.int8]
    segments: npt.NDArray[np.int8]


def score_one(features: Mapping[str, Any], cut_points: RfmCutPoints) -> RfmScore:
    """Score one customer from their row of the features view (column → value); a blank value scores 1."""
    recency_column, frequency_column, monetary_column = cut_points.columns
    recency, frequency = _number(features[recency_column]), _number(features[frequency_column])
    monetary = _number(features[monetary_column])
    passed = bisect_left if cut_points.rule == "default" else bisect_right
    r = 1 if isnan(recency) else 5 - passed(cut_points.recency, recency)
    f = 1 if isnan(frequency) else 1 + passed(cut_points.frequency, frequency)
    m = 1 if isnan(monetary) else 1 + passed(cut_points.monetary, monetary)
    has_bought = not isnan(recency) or frequency > 0
    return RfmScore(r, f, m, cut_points.cell_names[cell_index(r, f, m)] if has_bought else NO_PURCHASES.name)


def score_arrays(
    recency: FloatArray, frequency: FloatArray, monetary: FloatArray, cut_points: RfmCutPoints
) -> RfmScores:
    """Score many customers at once; NaN and infinite values are blank and score 1."""
    scores = np.empty((len(recency), 3), dtype=np.int8)
    scores[:, 0] = 6 - _score(recency, cut_points.recency, cut_points.rule)
    scores[~np.isfinite(recency), 0] = 1
    scores[:, 1] = _score(frequency, cut_points.frequency, cut_points.rule)
    scores[:, 2] = _score(monetary, cut_points.monetary, cut_points.rule)
    segments = segment_positions(scores, cut_points.cell_names)
    # No Purchases comes last.
    segments[never_bought(recency, frequency)] = len(segment_names(cut_points.cell_names)) - 1
    return RfmScores(scores, segments)


def never_bought(recency: FloatArray, frequency: FloatArray) -> npt.NDArray[np.bool_]:
    """Which customers have neither a last purchase nor a number of purchases above zero."""
    return ~np.isfinite(recency) & ~(np.isfinite(frequency) & (frequency > 0))


def score_columns(view: sa.FromClause, cut_points: RfmCutPoints) -> dict[str, sa.ColumnElement[Any]]:
    """The same scores in SQL: `recency`, `frequency`, `monetary` and `rfm_segment` for every row of `view`."""
    measures = cut_points.columns
    recency, frequency, monetary = (measure(view.c[column]) for column in measures)
    by_days = _score_ladder(recency, cut_points.recency, cut_points.rule)
    scores = {
        "recency": sa.case((recency.is_(None), 1), else_=6 - by_days),
        "frequency": _score_ladder(frequency, cut_points.frequency, cut_points.rule),
        "monetary": _score_ladder(monetary, cut_points.monetary, cut_points.rule),
    }
    never_bought = never_bought_in_sql(recency, frequency)
    return {**scores, "rfm_segment": _segment_name(cut_points.cell_names, never_bought, **scores)}


def measure(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The column as a double, with NULL for everything that is not a finite number."""
    number = sa.cast(column, sa.Double)
    if isinstance(column.type, sa.Integer):
        return number
    return sa.case((number.between(-float_info.max, float_info.max), number))


def never_bought_in_sql(recency: sa.ColumnElement[float], frequency: sa.ColumnElement[float]) -> sa.ColumnElement[bool]:
    """`never_bought` over columns made by `measure`; true or false, never NULL."""
    return recency.is_(None) & sa.or_(frequency.is_(None), frequency <= 0)


def _score(values: FloatArray, points: FourPoints, rule: Rule) -> npt.NDArray[np.int8]:
    """1 plus the number of cut points passed; NaN passes none."""
    finite = np.where(np.isfinite(values), values, -np.inf)
    score = np.ones(len(values), dtype=np.int8)
    for point in points:
        score += finite > point if rule == "default" else finite >= point
    return score


def _score_ladder(value: sa.ColumnElement[float], points: FourPoints, rule: Rule) -> sa.ColumnElement[int]:
    """The score by the highest cut point passed; NULL passes none."""
    passed = [value > point if rule == "default" else value >= point for point in points]
    return sa.case(*((condition, score) for condition, score in zip(passed[::-1], SCORES[:0:-1], strict=True)), else_=1)


def _segment_name(
    cell_names: tuple[str, ...],
    never_bought: sa.ColumnElement[bool],
    recency: sa.ColumnElement[int],
    frequency: sa.ColumnElement[int],
    monetary: sa.ColumnElement[int],
) -> sa.ColumnElement[str]:
    cells = {name: [] for name in segment_names(cell_names)[:-1]}
    for (r, f, m), name in zip(CELLS, cell_names, strict=True):
        cells[name].append(100 * r + 10 * f + m)
    code = 100 * recency + 10 * frequency + monetary
    names = [(code.in_(codes), name) for name, codes in cells.items()]
    return sa.case((never_bought, NO_PURCHASES.name), *names)


def _number(value: Any) -> float:
    """NaN where `measure` returns NULL."""
    number = float(value) if isinstance(value, int | float | Decimal) else nan
    return number if isfinite(number) else nan
