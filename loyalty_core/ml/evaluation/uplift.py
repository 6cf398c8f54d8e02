"""Evaluation of uplift models: metrics with intervals, baselines, a grade and a sentence.

Rows have classes 2 × contacted + converted, and predictions two columns: the probability of converting if contacted,
and if not. A baseline that only ranks has its score in the first column and 0 in the second.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from loyalty_core.ml.evaluation.bootstrap import Bootstrap, Difference
from loyalty_core.ml.evaluation.grades import Evidence, Graded, grade_of, grade_word
from loyalty_core.ml.evaluation.qini import (
    points_of,
    qini,
    qini_coefficient,
    qini_curve,
    rate_difference,
    share_of_effect,
    uplift_at,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Classes = npt.NDArray[np.intp]
Probabilities = npt.NDArray[np.float64]
Metrics = dict[str, Any]

THIS_MODEL = "this model"
RANDOM_ORDER = "random order"
TOP_SHARE = 0.3
_GROUPS = 5
_CHART_SHARES = np.linspace(0, 1, 51).tolist()
# The quantile of the standard normal distribution for a 95 % interval.
_Z_95 = 1.959963984540054


def uplift_metrics(classes: Classes, probabilities: Probabilities) -> Metrics:
    """The metrics of `UPLIFT_METRICS`, and the `effect` of contacting everybody: a difference of conversion rates."""
    contacted, converted, uplift = classes >= 2, classes % 2 == 1, predicted_uplift(probabilities)
    curve = qini_curve(converted, contacted, uplift)
    rest = np.argsort(-uplift, kind="stable")[int(len(uplift) * TOP_SHARE) :]
    return {
        "qini": qini(curve, contacted),
        "qini_coefficient": qini_coefficient(curve, converted, contacted),
        "uplift_at_30": uplift_at(converted, contacted, uplift, TOP_SHARE),
        "uplift_of_rest": rate_difference(converted[rest], contacted[rest]),
        "effect_at_30": share_of_effect(curve, TOP_SHARE),
        "effect": rate_difference(converted, contacted),
    }


def predicted_uplift(probabilities: Probabilities) -> npt.NDArray[np.float64]:
    """The difference of both probabilities of each row."""
    return probabilities[:, 0] - probabilities[:, 1]


def evaluate_uplift(
    classes: Classes,
    probabilities: Probabilities,
    baselines: Mapping[str, Probabilities],
    customers: npt.NDArray[np.intp] | None = None,
    *,
    doubt: str = "",
) -> Metrics:
    """Metrics of `probabilities` (rows, 2) on test rows with intervals, those of baselines, charts and verdict.

    `doubt` says why the model may be reading the answer.
    """
    bootstrap = Bootstrap(uplift_metrics, classes, {THIS_MODEL: probabilities, **baselines}, customers)
    metrics = bootstrap.with_intervals(THIS_MODEL)
    others = {
        name: bootstrap.with_intervals(name) | {"qini_curve": curve_of(classes, predicted)}
        for name, predicted in baselines.items()
    }
    low, high = metrics["intervals"]["qini"]
    grade, limited_by = Graded("D") if doubt else _graded(metrics, classes)
    return {
        **metrics,
        "grade": grade,
        "limited_by": limited_by,
        "doubt": doubt,
        "sentence": _sentence(grade, limited_by, doubt, metrics),
        "worse_than": None if low > 0 else RANDOM_ORDER,
        "added": asdict(Difference(metrics["qini"], low, high)),
        "baselines": others,
        "qini_curve": curve_of(classes, probabilities),
        "groups": uplift_groups(classes, probabilities),
        "sleeping_dogs": _sleeping_dogs(classes, probabilities),
    }


def curve_of(classes: Classes, probabilities: Probabilities) -> list[list[float]]:
    """The Qini curve for a chart: share contacted, additional conversions per 100 customers of contacting everybody."""
    contacted = classes >= 2
    curve = qini_curve(classes % 2 == 1, contacted, predicted_uplift(probabilities))
    return points_of(curve, contacted, _CHART_SHARES)


def uplift_groups(classes: Classes, probabilities: Probabilities) -> list[dict[str, float]]:
    """Fifths of the rows by predicted uplift, highest first: the mean prediction, and what was measured."""
    uplift = predicted_uplift(probabilities)
    fifths = np.array_split(np.argsort(-uplift, kind="stable"), _GROUPS)
    return [{"rows": len(rows), "predicted": float(uplift[rows].mean()), **_measured(classes[rows])} for rows in fifths]


def _sleeping_dogs(classes: Classes, probabilities: Probabilities) -> dict[str, float]:
    """The test rows whose predicted uplift is negative: their share, and the measured effect of contact."""
    negative = predicted_uplift(probabilities) < 0
    return {"share": float(negative.mean()), **_measured(classes[negative])}


def _measured(classes: Classes) -> dict[str, float]:
    """The difference of the conversion rates, with Wald's 95 % interval."""
    contacted, converted = classes >= 2, classes % 2 == 1
    difference, variance = rate_difference(converted, contacted), 0.0
    for arm in (contacted, ~contacted):
        rate = float(converted[arm].mean()) if arm.any() else 0.5
        variance += rate * (1 - rate) / max(int(arm.sum()), 1)
    margin = _Z_95 * variance**0.5
    return {"measured": difference, "low": difference - margin, "high": difference + margin}


def _graded(metrics: Metrics, classes: Classes) -> Graded:
    """By how much more of the effect than a random order the first 30 % reach, if the Qini is beyond chance.

    Where everybody together has no measurable effect, those for whom there is one are all of it.
    """
    low, high = metrics["intervals"]["qini"]
    if low > 0 and metrics["intervals"]["effect"][0] > 0:
        reached = (metrics["effect_at_30"], *metrics["intervals"]["effect_at_30"])
        gain = Difference(*(min(share, 1.0) - TOP_SHARE for share in reached))
    else:
        gain = Difference(1 - TOP_SHARE if low > 0 else 0.0, 1 - TOP_SHARE if low > 0 else low, high)
    converted = min(int((classes == arm).sum()) for arm in (1, 3))
    return grade_of(gain, TOP_SHARE, Evidence(len(classes), converted, "conversions of one group"), behind=False)


def _sentence(grade: str, limited_by: str, doubt: str, metrics: Metrics) -> str:
    low, high = metrics["intervals"]["qini"]
    within = f"Qini {metrics['qini']:.4f}, between {low:.4f} and {high:.4f}"
    if low <= 0:
        return f"This model does not tell whom the message changes: {within}, where a random order gives 0."
    share = f"{TOP_SHARE:.0%}"
    points = (
        f"contact adds {_points(metrics['uplift_at_30'])} to their conversion rate, and "
        f"{_points(metrics['uplift_of_rest'])} to that of the rest"
    )
    reached = metrics["effect_at_30"]
    if metrics["intervals"]["effect"][0] <= 0:
        first = f"Contacting everybody changes nothing that can be measured, but contacting the top {share} does"
    elif reached >= 1:
        first = f"Contacting the top {share} reaches more than contacting everybody"
    else:
        first = f"Contacting the top {share} gets {reached:.0%} of the effect of contacting everybody"
    more = f", or more, because {limited_by}" if limited_by else ""
    verdict = f"It may be reading the answer, because {doubt}" if doubt else f"{grade_word(grade)}{more}"
    return f"{verdict}: {first[0].lower()}{first[1:]}; {points} ({within})."


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f} points"
