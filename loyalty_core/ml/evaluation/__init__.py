"""Evaluation of models: metrics with confidence intervals, and baselines on the same rows."""

from loyalty_core.ml.evaluation.bootstrap import Bootstrap, Difference
from loyalty_core.ml.evaluation.columns import Column, Groups, cross_fitted_rates, ordered
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
    "cross_fitted_rates",
    "grade_in_words",
    "grade_word",
    "ordered",
    "read_grade",
]
