"""Whether a history can say what contacting changes: were customers contacted at random, and comparable otherwise?

The difference between both groups is an effect only if nobody chose whom to contact. So it is tried to predict from the
features who was contacted: after a random draw that fails, with an AUC near 0.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from loyalty_core.ml.evaluation import area_under_curve
from loyalty_core.ml.tasks import Finding, TrainingRefused
from loyalty_core.warehouse.columns import label_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FloatRows = npt.NDArray[np.float32]

_FOLDS = 5
# More rows would not change the answer.
_MAX_ROWS = 20_000
_WARN_AUC, _STOP_AUC = 0.53, 0.6
# A standardised mean difference above 0.1 is commonly called an imbalance (Austin 2009).
_IMBALANCE = 0.1
# Nobody like these customers was left in one of the groups.
_MIN_PROPENSITY = 0.02
_MAX_WITHOUT_OVERLAP = 0.05
_STANDARD_ERRORS = 3.0
_REMEDY = "Contact a random part of a campaign's audience, with a holdout, and train on its results."


def check_treatment(inputs: FloatRows, contacted: npt.NDArray[np.bool_], features: Sequence[str]) -> Iterator[Finding]:
    """Findings about who was contacted, by encoded `inputs` (rows, width); `features` names the feature of each column.

    What could be due to chance is not reported.
    """
    rows = _sample(len(contacted))
    values, contacted = _standardised(inputs[rows]), contacted[rows]
    chance = _STANDARD_ERRORS * _error_of_auc(contacted)
    propensity = _propensity(values, contacted)
    auc = area_under_curve(propensity, contacted)
    worst, difference = _largest_difference(values, contacted, features)
    reason = f"{label_of(worst)} differs most, by {difference:.2f} standard deviations"
    remedy = (
        f"If {label_of(worst)} was measured after the contact or is part of it, leave it out of ML_FEATURE_MAPPING. "
        f"Otherwise: {_REMEDY[0].lower()}{_REMEDY[1:]}"
    )
    outside = float(np.mean((propensity < _MIN_PROPENSITY) | (propensity > 1 - _MIN_PROPENSITY)))
    if auc - chance > _STOP_AUC:
        yield Finding(
            "stop",
            f"Customers were not contacted at random: the features tell who was (AUC {auc:.2f}; {reason}). So the "
            "effect of contacting cannot be separated from the choice of whom to contact.",
            remedy,
        )
    elif auc - chance > _WARN_AUC or difference - chance * 2 > _IMBALANCE:
        yield Finding(
            "warning",
            "Customers may not have been contacted at random: the features tell a little about who was "
            f"(AUC {auc:.2f}; {reason}).",
            f"Take the uplift with care. {remedy}",
        )
    if outside > _MAX_WITHOUT_OVERLAP and auc - chance > _WARN_AUC:
        yield Finding(
            "stop",
            f"For {outside:.0%} of the customers, nearly all or nearly none like them were contacted, so there is "
            "nobody to compare them with.",
            _REMEDY,
        )


def require_comparable(source: str, findings: tuple[Finding, ...]) -> None:
    """Raise `TrainingRefused` when one of the findings is a stop."""
    if any(finding.severity == "stop" for finding in findings):
        raise TrainingRefused(source, findings)


def _sample(rows: int) -> npt.NDArray[np.intp]:
    if rows <= _MAX_ROWS:
        return np.arange(rows)
    return np.sort(np.random.default_rng(0).choice(rows, _MAX_ROWS, replace=False))


def _standardised(inputs: FloatRows) -> npt.NDArray[np.float64]:
    values = inputs.astype(np.float64)
    deviation = values.std(axis=0)
    return (values - values.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)


def _propensity(inputs: npt.NDArray[np.float64], contacted: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """The probability of having been contacted, each row by boosted trees that were fitted without it."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 -- costly to load
    from sklearn.model_selection import StratifiedKFold, cross_val_predict  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    model: Any = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=8, learning_rate=0.1, random_state=0)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    with threadpool_limits(1):  # OpenMP threads busy-wait
        probabilities: Any = cross_val_predict(model, inputs, contacted, cv=folds, method="predict_proba")
    return probabilities[:, 1]


def _error_of_auc(contacted: npt.NDArray[np.bool_]) -> float:
    """The standard error of the AUC when there is nothing to tell (Mann-Whitney)."""
    ones = int(contacted.sum())
    zeros = len(contacted) - ones
    return ((ones + zeros + 1) / (12 * max(ones, 1) * max(zeros, 1))) ** 0.5


def _largest_difference(
    inputs: npt.NDArray[np.float64], contacted: npt.NDArray[np.bool_], features: Sequence[str]
) -> tuple[str, float]:
    """The feature with the largest standardised mean difference between both groups, and that difference."""
    differences = np.abs(inputs[contacted].mean(axis=0) - inputs[~contacted].mean(axis=0))
    worst = int(differences.argmax())
    return features[worst], float(differences[worst])
