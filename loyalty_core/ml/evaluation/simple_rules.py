"""The simplest rules that a model must improve on: what one column alone finds, or what is popular with everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from loyalty_core.ml.evaluation.columns import Classes, Column, Groups, cross_fitted_rates, ordered, rates_by_group
from loyalty_core.ml.evaluation.ranking import area_under_curve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Scores = npt.NDArray[np.float64]

# More rows hardly change which column is best.
_MAX_ROWS = 100_000
_FINALISTS = 5


class SimpleRule(NamedTuple):
    """A rule of one feature, empty for a rule without any; `scores` are those of the test rows."""

    feature: str
    scores: Scores


class _Candidate(NamedTuple):
    quality: float
    feature: str
    score: Callable[[], Scores]


def best_ranking(
    fit: Sequence[Column], fit_classes: Classes, test: Sequence[Column], test_classes: Classes
) -> SimpleRule:
    """The one column that ranks class 1 best: by its value, or by the rate of class 1 among similar values.

    The five best on the rows it is fitted on are tried on the test rows, and the best of these is taken: that favours
    the rule, so that no model is praised for what a column finds. Scores are higher where class 1 is more likely.
    """
    fit, fit_classes = _sample(fit, fit_classes)
    candidates = [
        one for before, now in zip(fit, test, strict=True) for one in _ranking_candidates(before, fit_classes, now)
    ]
    finalists = [SimpleRule(one.feature, one.score()) for one in _finalists(candidates)]
    return max(finalists, key=lambda rule: area_under_curve(rule.scores, test_classes == 1))


def best_choice(
    fit: Sequence[Column], fit_classes: Classes, test: Sequence[Column], test_classes: Classes, count: int
) -> SimpleRule:
    """Always the most popular class, or the most popular one among customers with similar values of one column.

    Chosen as in `best_ranking`; scores have the shape (test rows, count).
    """
    fit, fit_classes = _sample(fit, fit_classes)
    popular = rates_by_group(np.zeros_like(fit_classes), 1, fit_classes, count)
    everybody = SimpleRule("", np.repeat(popular, len(test_classes), axis=0))
    candidates = [_choice_candidate(before, fit_classes, now, count) for before, now in zip(fit, test, strict=True)]
    rules = [everybody, *(SimpleRule(one.feature, one.score()) for one in _finalists(candidates))]
    return max(rules, key=lambda rule: float((rule.scores.argmax(axis=1) == test_classes).mean()))


def _finalists(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    return sorted(candidates, key=lambda one: -one.quality)[:_FINALISTS]


def _ranking_candidates(before: Column, classes: Classes, now: Column) -> Iterator[_Candidate]:
    positive = classes == 1
    for blanks_at in () if before.is_text else (-np.inf, np.inf) if before.blank.any() else (-np.inf,):
        area = area_under_curve(ordered(before, blanks_at), positive)
        sign = 1 if area >= 0.5 else -1
        yield _Candidate(max(area, 1 - area), before.name, lambda at=blanks_at, sign=sign: sign * ordered(now, at))
    groups = Groups.of(before)
    codes = groups.codes(before)
    expected = cross_fitted_rates(codes, groups.count, classes, 2)[:, 1]

    def by_rate() -> Scores:
        return rates_by_group(codes, groups.count, classes, 2)[groups.codes(now), 1]

    yield _Candidate(area_under_curve(expected, positive), before.name, by_rate)


def _choice_candidate(before: Column, classes: Classes, now: Column, count: int) -> _Candidate:
    groups = Groups.of(before)
    codes = groups.codes(before)
    hits = cross_fitted_rates(codes, groups.count, classes, count).argmax(axis=1) == classes
    return _Candidate(
        float(hits.mean()),
        before.name,
        lambda: rates_by_group(codes, groups.count, classes, count)[groups.codes(now)],
    )


def _sample(columns: Sequence[Column], classes: Classes) -> tuple[Sequence[Column], Classes]:
    if len(classes) <= _MAX_ROWS:
        return columns, classes
    rows = np.sort(np.random.default_rng(0).choice(len(classes), _MAX_ROWS, replace=False))
    return [column.take(rows) for column in columns], classes[rows]
