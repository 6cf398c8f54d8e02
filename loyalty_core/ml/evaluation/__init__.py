"""Evaluation of models: metrics with confidence intervals, and baselines on the same rows."""

from loyalty_core.ml.evaluation.bootstrap import Bootstrap, Difference
from loyalty_core.ml.evaluation.grades import grade_in_words, grade_word, read_grade
from loyalty_core.ml.evaluation.ranking import area_under_curve

__all__ = [
    "Bootstrap",
    "Difference",
    "area_under_curve",
    "grade_in_words",
    "grade_word",
    "read_grade",
]
