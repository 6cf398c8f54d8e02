"""The grade of a model: how much it surely improves on the best simple rule, as a letter and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.ml.evaluation.bootstrap import Difference

Grade = Literal["A", "B", "C", "D"]

_Limits = tuple[tuple[int, Grade], ...]

_GRADES: tuple[Grade, ...] = ("A", "B", "C", "D")
_WORDS: dict[Grade, str] = {"A": "Adds a lot", "B": "Adds clearly", "C": "Adds a little", "D": "Adds nothing"}
_MIN_GAIN = 0.05
# On real sets, models reach an AUC of 0.94 at most.
_TOO_GOOD = 0.97
# The lower end of the model's gain, as a share of the possible improvement over the simple rule.
_LIMITS: tuple[tuple[float, Grade], ...] = ((0.3, "A"), (0.15, "B"))
# Fewer test rows of the rarest outcome say too little, whatever the interval: resamples of a handful of rows are alike.
_EVENTS: _Limits = ((10, "D"), (25, "C"), (50, "B"))
# Fewer test rows altogether, likewise.
_ROWS: _Limits = ((30, "D"), (100, "C"), (200, "B"))


class Evidence(NamedTuple):
    """How much a model was tested on: rows, and `events` of the outcome called `named`, such as "churners"."""

    rows: int
    events: int
    named: str


class Graded(NamedTuple):
    """A grade; `limited_by` says why it cannot be better, where that is the number of rows tested."""

    grade: Grade
    limited_by: str = ""


def grade_of(difference: Difference, simple: float, evidence: Evidence, *, behind: bool) -> Graded:
    """The grade for a metric of at most 1: `simple` is the rule's value, `difference` the model's gain over it.

    The lower end of the gain's interval decides, as a share of what the rule leaves: A from 30 %, B from 15 %, C above
    zero if the gain itself is 5 % or more. `behind` lowers the grade by one: a standard model is clearly better.
    """
    possible = max(1 - simple, 1e-9)
    sure = difference.low / possible
    least: Grade = "C" if difference.low > 0 and difference.value / possible >= _MIN_GAIN else "D"
    reached = next((grade for limit, grade in _LIMITS if sure >= limit), least)
    reached = _GRADES[min(_GRADES.index(reached) + behind, 3)]
    allowed, why = _allowed_by(evidence)
    return Graded(allowed, why) if "A" < allowed >= reached else Graded(reached)


def _allowed_by(evidence: Evidence) -> tuple[Grade, str]:
    """The best grade that this many test rows allow, with the reason for a limit."""
    by_events, by_rows = _limit(_EVENTS, evidence.events), _limit(_ROWS, evidence.rows)
    if by_rows > by_events:
        return by_rows, f"only {evidence.rows} rows could be tested"
    return by_events, f"only {evidence.events} {evidence.named} could be tested"


def _limit(limits: _Limits, number: int) -> Grade:
    for least, grade in limits:
        if number < least:
            return grade
    return "A"


def seems_too_good(metrics: Mapping[str, Any]) -> bool:
    """Whether the test rows are predicted as well as only features that give away the label allow."""
    return max(metrics.get("auc", 0), metrics.get("top_1", 0)) >= _TOO_GOOD


def grade_word(grade: str) -> str:
    """The meaning of a grade, such as "Adds a little"; empty for any other text."""
    return next((word for letter, word in _WORDS.items() if letter == grade), "")


def read_grade(metrics: Mapping[str, Any]) -> str:
    """The grade in a model's metrics; empty in manifests from before grades compared with a simple rule."""
    return metrics.get("grade", "") if "added" in metrics else ""


def grade_in_words(metrics: Mapping[str, Any]) -> str:
    """ "Grade C: adds a little over the best simple rule"; empty without a grade."""
    grade = read_grade(metrics)
    if doubt := metrics.get("doubt"):
        return f"Grade {grade}: it may be reading the answer, because {doubt}"
    return f"Grade {grade}: {grade_word(grade).lower()} over the best simple rule" if grade else ""
