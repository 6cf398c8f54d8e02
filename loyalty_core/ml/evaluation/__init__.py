"""Evaluation of models: metrics with confidence intervals, and baselines on the same rows."""

from loyalty_core.ml.evaluation.approval import leaks_of, objections_to
from loyalty_core.ml.evaluation.bootstrap import Bootstrap, Difference
from loyalty_core.ml.evaluation.columns import Column, Groups, separation
from loyalty_core.ml.evaluation.grades import grade_in_words, grade_word, read_grade
from loyalty_core.ml.evaluation.ranking import area_under_curve
from loyalty_core.ml.evaluation.simple_rules import SimpleRule, best_choice, best_ranking

__all__ = [
    "Bootstrap",
    "Column",
    "Difference",
    "Groups",
    "SimpleRule",
    "area_under_curve",
    "best_choice",
    "best_ranking",
    "grade_in_words",
    "grade_word",
    "leaks_of",
    "objections_to",
    "read_grade",
    "separation",
]
