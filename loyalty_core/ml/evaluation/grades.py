"""The grade of a model: what it adds over the best simple rule, as a letter and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.ml.evaluation.bootstrap import Difference

Grade = Literal["A", "B", "C", "D"]

_WORDS: dict[Grade, str] = {"A": "Adds a lot", "B": "Adds clearly", "C": "Adds a little", "D": "Adds nothing"}
# Of what the simple rule leaves to be improved, the share that the model gains.
_LIMITS: tuple[tuple[float, Grade], ...] = ((0.3, "A"), (0.15, "B"), (0.05, "C"))


def grade_of(difference: Difference, simple: float, *, behind: bool) -> Grade:
    """The grade for a measure that is at most 1: `simple` is the rule's, `difference` how far the model is above it.

    A gain that may be chance is none. One grade lower when a usual model is clearly ahead (`behind`).
    """
    gain = difference.value / max(1 - simple, 1e-9) if difference.low > 0 else 0.0
    reached = next((grade for limit, grade in _LIMITS if gain >= limit), "D")
    grades: tuple[Grade, ...] = ("A", "B", "C", "D")
    return grades[min(grades.index(reached) + behind, 3)]


def grade_word(grade: str) -> str:
    """What a grade says, as "Adds a little"; empty for a text that is no grade."""
    return next((word for letter, word in _WORDS.items() if letter == grade), "")


def read_grade(metrics: Mapping[str, Any]) -> str:
    """The grade in a model's metrics; empty for a version whose grade was not about a simple rule."""
    return metrics.get("grade", "") if "added" in metrics else ""


def grade_in_words(metrics: Mapping[str, Any]) -> str:
    """ "Grade C: adds a little over the best simple rule"; empty without a grade."""
    grade = read_grade(metrics)
    return f"Grade {grade}: {grade_word(grade).lower()} over the best simple rule" if grade else ""
