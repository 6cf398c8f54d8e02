"""Evaluation of the time of churn: each horizon as a yes-or-no question of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from loyalty_core.ml.evaluation.bootstrap import Bootstrap
from loyalty_core.ml.evaluation.metrics import THIS_MODEL, binary_metrics, deciles, evaluate_binary
from loyalty_core.warehouse.history import HORIZON_DAYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.ml.evaluation.baselines import Classes, Probabilities
    from loyalty_core.ml.evaluation.metrics import Customers, Metrics
    from loyalty_core.ml.evaluation.simple_rules import SimpleRule

_SHORTER = HORIZON_DAYS[:-1]


def timing_metrics(months: Classes, within: Probabilities) -> Metrics:
    """The metrics of `binary_metrics` for 90 days, and for 30 and 60 days with these numbers at the end of their names.

    `months` are the classes of `ChurnTimingTask`, `within` (rows, 3) the probability of leaving within each horizon.
    """
    shorter = (
        _named(binary_metrics(_left(months, place), within[:, place]), days) for place, days in enumerate(_SHORTER)
    )
    metrics = binary_metrics(_left(months, len(_SHORTER)), within[:, len(_SHORTER)])
    return {key: value for part in (*shorter, metrics) for key, value in part.items()}


def evaluate_timing(
    months: Classes,
    within: Probabilities,
    baselines: Mapping[str, Probabilities],
    rule: SimpleRule,
    customers: Customers,
    *,
    positives: str,
    doubt: str = "",
) -> Metrics:
    """As `evaluate_binary` for 90 days, with the metrics of 30 and 60 days beside it, for baselines too.

    `baselines` have the probability of each class (rows, 4). `horizons` has deciles and rates, predicted and actual.
    """
    answers = {name: np.cumsum(classes, axis=1)[:, : within.shape[1]] for name, classes in baselines.items()}
    longest = len(_SHORTER)
    two_classes = {
        name: np.stack([1 - found[:, longest], found[:, longest]], axis=1) for name, found in answers.items()
    }
    metrics = evaluate_binary(
        _left(months, longest), within[:, longest], two_classes, rule, customers, positives=positives, doubt=doubt
    )
    horizons = [_horizon(HORIZON_DAYS[-1], metrics, metrics["deciles"])]
    for place, days in reversed(list(enumerate(_SHORTER))):
        left = _left(months, place)
        predictions = {THIS_MODEL: within[:, place], **{name: found[:, place] for name, found in answers.items()}}
        bootstrap = Bootstrap(binary_metrics, left, predictions, customers)
        found = bootstrap.with_intervals(THIS_MODEL)
        _add(metrics, found, days)
        for name in baselines:
            _add(metrics["baselines"][name], bootstrap.with_intervals(name), days)
        horizons.insert(0, _horizon(days, found, deciles(left, within[:, place])))
    metrics["sentence"] += f" {_in_words(horizons)}"
    return metrics | {"horizons": horizons}


def _left(months: Classes, place: int) -> Classes:
    return (months <= place).astype(np.intp)


def _add(metrics: Metrics, found: Metrics, days: int) -> None:
    intervals = found.pop("intervals")
    metrics.update(_named(found, days))
    metrics["intervals"] = metrics["intervals"] | _named(intervals, days)


def _named(metrics: Mapping[str, Any], days: int) -> Metrics:
    return {f"{key}_{days}": value for key, value in metrics.items()}


def _horizon(days: int, metrics: Mapping[str, Any], groups: list[Metrics]) -> Metrics:
    return {
        "days": days,
        "predicted": metrics["mean_predicted"],
        "actual": metrics["actual_rate"],
        "auc": metrics["auc"],
        "calibration_error": metrics["calibration_error"],
        "deciles": groups,
    }


def _in_words(horizons: list[Metrics]) -> str:
    """ "Expected and actual shares that left: 12.3% and 12.1% within 30 days, …"."""
    parts = [f"{one['predicted']:.1%} and {one['actual']:.1%} within {one['days']} days" for one in horizons]
    return f"Expected and actual shares that left: {', '.join(parts)}."
