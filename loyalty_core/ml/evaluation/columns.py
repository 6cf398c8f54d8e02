"""What one column alone says about the label: the simplest rules, and the measure of target leakage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
Classes = npt.NDArray[np.intp]
Rates = npt.NDArray[np.float64]

_MAX_GROUPS = 50
_MIN_GROUP_ROWS = 10
# A value this frequent is a group of its own, so that a special value such as 999 is not mixed with its neighbours.
_FREQUENT = 0.01
# Rows at the overall rate that are added to each group, so that small groups do not have extreme rates.
_PRIOR_ROWS = 5
_BLANK, _OTHER = 0, 1


@dataclass(frozen=True, eq=False)
class Column:
    """One feature as it is in the history: numbers, or the number of each text's category; NaN is blank."""

    name: str
    values: Values
    is_text: bool = False

    def take(self, rows: Codes) -> Column:
        """The column of these rows."""
        return Column(self.name, self.values[rows], self.is_text)

    @property
    def blank(self) -> npt.NDArray[np.bool_]:
        return np.isnan(self.values)


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of a column's similar values: ranges of numbers or categories of texts; blanks are a group."""

    edges: Values
    is_text: bool

    @classmethod
    def of(cls, column: Column) -> Groups:
        """Up to 50 groups, from the rows that a rule is fitted on."""
        filled = column.values[~column.blank]
        values, counts = np.unique(filled, return_counts=True)
        if column.is_text:
            enough = values[counts >= _MIN_GROUP_ROWS]
            order = np.argsort(-counts[counts >= _MIN_GROUP_ROWS], kind="stable")
            return cls(np.sort(enough[order[:_MAX_GROUPS]]), True)
        if not len(values):
            return cls(values, False)
        groups = max(min(_MAX_GROUPS, len(filled) // (2 * _MIN_GROUP_ROWS)), 2)
        quantiles = np.quantile(filled, np.arange(1, groups) / groups, method="lower")
        frequent = values[counts >= max(_FREQUENT * len(filled), _MIN_GROUP_ROWS)]
        return cls(np.unique(np.concatenate([quantiles, frequent, np.nextafter(frequent, np.inf)])), False)

    @property
    def count(self) -> int:
        return len(self.edges) + 2

    def codes(self, column: Column) -> Codes:
        """The group of each row: 0 for blanks; for texts, 1 for rare and unseen categories."""
        if not self.is_text:
            found = np.searchsorted(self.edges, column.values, side="right") + 1
        elif len(self.edges):
            place = np.minimum(np.searchsorted(self.edges, column.values), len(self.edges) - 1)
            found = np.where(self.edges[place] == column.values, place + 2, _OTHER)
        else:
            found = np.full(len(column.values), _OTHER)
        return np.where(column.blank, _BLANK, found).astype(np.intp)


def rates_by_group(codes: Codes, groups: int, classes: Classes, count: int) -> Rates:
    """The share of each of `count` classes in each group; shape (groups, count)."""
    counts = np.bincount(codes * count + classes, minlength=groups * count).reshape(groups, count)
    overall = np.bincount(classes, minlength=count) / max(len(classes), 1)
    return (counts + _PRIOR_ROWS * overall) / (counts.sum(axis=1, keepdims=True) + _PRIOR_ROWS)


def cross_fitted_rates(codes: Codes, groups: int, classes: Classes, count: int) -> Rates:
    """For each row the rates of its group in the other half of the rows, so that no row predicts itself."""
    half = np.random.default_rng(0).random(len(codes)) < 0.5
    rates = np.empty((len(codes), count))
    for rows in (half, ~half):
        rates[rows] = rates_by_group(codes[~rows], groups, classes[~rows], count)[codes[rows]]
    return rates


def ordered(column: Column, blanks_at: float) -> Values:
    """The values to rank by, with blanks below (-inf) or above (inf) all others."""
    return np.where(column.blank, blanks_at, column.values)


def separation(codes: Codes, groups: int, classes: Classes, count: int) -> Rates:
    """How well groups of a column separate each class from the others: AUC by class, shape (count,).

    Each half of the rows is ranked by the rates of the other half, so that chance gives 0.5 with any number of groups.
    """
    half = np.random.default_rng(0).random(len(codes)) < 0.5
    cells = ((half * groups + codes) * count + classes).astype(np.intp)
    counts = np.bincount(cells, minlength=2 * groups * count).reshape(2, groups, count)
    overall = counts.sum(axis=1, keepdims=True) / np.maximum(counts.sum(axis=(1, 2), keepdims=True), 1)
    rates = (counts + _PRIOR_ROWS * overall) / (counts.sum(axis=2, keepdims=True) + _PRIOR_ROWS)
    scores, rows = rates[::-1].reshape(-1, count), counts.reshape(-1, count)
    total = rows.sum(axis=1)
    return np.array([_area(scores[:, one], rows[:, one], total - rows[:, one]) for one in range(count)])


def _area(scores: Rates, ones: Codes, zeros: Codes) -> float:
    """ROC AUC of cells with a score and numbers of positive and of other rows; ties count half."""
    if not ones.sum() or not zeros.sum():
        return 0.5
    _, place = np.unique(scores, return_inverse=True)
    by_score, others = np.bincount(place, weights=ones), np.bincount(place, weights=zeros)
    below = np.cumsum(others) - others / 2
    return float((by_score * below).sum() / (ones.sum() * zeros.sum()))
