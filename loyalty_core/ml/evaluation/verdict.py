"""What metrics mean, in a grade and one sentence: what the model adds, and whether a simple baseline is better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from loyalty_core.ml.evaluation.baselines import BASE_RATE, LOGISTIC_REGRESSION, Classes, Probabilities
from loyalty_core.ml.evaluation.grades import Grade, Graded, grade_word, seems_too_good

if TYPE_CHECKING:
    from collections.abc import Mapping

_MIN_PROBABILITY = 1e-7


class Verdict(NamedTuple):
    """`sentence` is for people; `worse_than` names a baseline that beats the model, which is then not promoted.

    `limited_by` says why the grade cannot be better where too few rows were tested, otherwise it is empty. `behind`
    names the best standard model where it is clearly better than this one, else it is None. `doubt` says why the model
    may be reading the answer, so that nothing is known of what it adds; else it is empty.
    """

    grade: Grade
    sentence: str
    worse_than: str | None
    limited_by: str
    behind: str | None
    doubt: str


def row_losses(classes: Classes, probabilities: Probabilities) -> npt.NDArray[np.float64]:
    """The log loss of each row, in nats."""
    own = probabilities[np.arange(len(classes)), classes].astype(np.float64)
    return -np.log(np.clip(own, _MIN_PROBABILITY, 1))


def better_baseline(
    classes: Classes, probabilities: Probabilities, baselines: Mapping[str, Probabilities]
) -> str | None:
    """A simple baseline with a lower log loss: the base rate at all, logistic regression significantly.

    Significant means by more than two standard errors of the paired difference per row.
    """
    losses = row_losses(classes, probabilities)
    for name, errors in ((BASE_RATE, 0.0), (LOGISTIC_REGRESSION, 2.0)):
        behind = losses - row_losses(classes, baselines[name])
        if behind.mean() > errors * behind.std() / np.sqrt(len(behind)):
            return name
    return None


def doubt_of(metrics: Mapping[str, Any], doubt: str) -> str:
    """The doubt that is known of, or that figures are too good to be true; blank without any."""
    return doubt or ("the test rows are predicted almost perfectly" if seems_too_good(metrics) else "")


def give_verdict(
    worse_than: str | None, graded: Graded, rule: str, figures: str, behind: str | None, lead: str, doubt: str
) -> Verdict:
    """`figures` compare the model with `rule`; `lead` says by what the standard model `behind` is better."""
    grade, limited_by = graded if worse_than is None and not doubt else Graded("D", graded.limited_by)
    if graded.grade == "D" and limited_by:
        sentence = f"Too little to tell what it adds over {rule}, because {limited_by}: {figures}"
    elif doubt:
        sentence = f"It may be reading the answer, because {doubt}, so what it adds over {rule} is not known: {figures}"
    elif limited_by:
        sentence = f"{grade_word(grade)} over {rule}, or more, because {limited_by}: {figures}"
    else:
        sentence = f"{grade_word(grade)} over {rule}: {figures}"
    worse = f"Worse than the simple baseline ({worse_than}). " if worse_than else ""
    better = f" {behind[0].upper()}{behind[1:]} {lead}" if behind else ""
    return Verdict(grade, worse + sentence + better, worse_than, limited_by, behind, doubt)
