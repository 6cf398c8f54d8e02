"""The grade of a model: how much it improves on the best simple rule, as a letter and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.ml.evaluation.bootstrap import Difference

Grade = Literal["A", "B", "C", "D"]

_WORDS: dict[Grade, str] = {"A": "Adds a lot", "B": "Adds clearly", "C": "Adds a little", "D": "Adds nothing"}
# The model's gain, as a share of the possible improvement over the simple rule.
_LIMITS: tuple[tuple[float, Grade], ...] = ((0.3, "A"), (0.15, "B"), (0.05, "C"))


def grade_of(difference: Difference, simple: float, *, behind: bool) -> Grade:
    """The grade for a metric of at most 1: `simple` is the rule's value, `difference` the model's gain over it.

    A gain that is not significant counts as none. `behind` lowers the grade by one: a standard model is clearly better.
    """
    gain = difference.value / max(1 - simple, 1e-9) if difference.low > 0 else 0.0
    reached = next((grade for limit, grade in _LIMITS if gain >= limit), "D")
    grades: tuple[Grade, ...] = ("A", "B", "C", "D")
    return grades[min(grades.index(reached) + behind, 3)]


def grade_word(grade: str) -> str:
    """The meaning of a grade, such as "Adds a little"; empty for any other text."""
    return next((word for letter, word in _WORDS.items() if letter == grade), "")


def read_grade(metrics: Mapping[str, Any]) -> str:
    """The grade in a model's metrics; empty in manifests from before grades compared with a simple rule."""
    return metrics.get("grade", "") if "added" in metrics else ""


def grade_in_words(metrics: Mapping[str, Any]) -> str:
    """ "Grade C: adds a little over the best simple rule"; empty without a grade."""
    grade = read_grade(metrics)
    return f"Grade {grade}: {grade_word(grade).lower()} over the best simple rule" if grade else ""
