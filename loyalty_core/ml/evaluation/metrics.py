"""Metrics of a model and of baselines on the same rows, with a verdict in one sentence."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from loyalty_core.ml.evaluation.baselines import STANDARD_MODELS, Classes, Probabilities
from loyalty_core.ml.evaluation.bootstrap import Bootstrap
from loyalty_core.ml.evaluation.curves import precision_points, roc_points
from loyalty_core.ml.evaluation.grades import Evidence, grade_of
from loyalty_core.ml.evaluation.ranking import area_under_curve, average_precision
from loyalty_core.ml.evaluation.verdict import better_baseline, doubt_of, give_verdict, row_losses
from loyalty_core.warehouse.columns import label_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loyalty_core.ml.evaluation.simple_rules import SimpleRule

Metrics = dict[str, Any]
Customers = npt.NDArray[np.intp]

THIS_MODEL = "this model"
_RULE = "simple rule"
_TOP_SHARE = 0.2
_MIN_PROBABILITY = 1e-7
# A standard model is clearly better when it leads by more than this.
_AUC_MARGIN, _LOG_LOSS_MARGIN = 0.01, 0.02


def evaluate_binary(
    churned: Classes,
    probability: Probabilities,
    baselines: Mapping[str, Probabilities],
    rule: SimpleRule,
    customers: Customers | None = None,
    *,
    positives: str = "churners",
    doubt: str = "",
) -> Metrics:
    """Metrics of `probability` (rows,) on test rows, those of baselines (rows, 2), deciles and verdict.

    Metrics have intervals; `customers` numbers the customer of each row, `positives` names the customers of class 1.
    `doubt` says why the model may be reading the answer.
    """
    predictions = {
        THIS_MODEL: probability,
        **{name: both[:, 1] for name, both in baselines.items()},
        _RULE: _ranks(rule.scores),
    }
    bootstrap = Bootstrap(binary_metrics, churned, predictions, customers)
    metrics = bootstrap.with_intervals(THIS_MODEL)
    others: dict[str, Metrics] = {
        name: bootstrap.with_intervals(name) | {"curves": binary_curves(churned, predictions[name])}
        for name in baselines
    }
    simple = {"feature": rule.feature, **{key: bootstrap.metrics[_RULE][key] for key in ("auc", "captured_top_20")}}
    added = bootstrap.differences(THIS_MODEL, _RULE)["auc"]
    both = np.stack([1 - probability, probability], axis=1)
    evidence = _evidence(churned, positives)
    best = max(_standard(others), key=lambda name: others[name]["auc"])
    behind = best if others[best]["auc"] - metrics["auc"] > _AUC_MARGIN else None
    verdict = give_verdict(
        better_baseline(churned, both, baselines),
        grade_of(added, simple["auc"], evidence, behind=behind is not None),
        f"ranking by {label_of(rule.feature).lower()} alone",
        f"it captures {_percent(metrics['captured_top_20'])} of {positives} in the top 20%, the ranking "
        f"{_percent(simple['captured_top_20'])} (AUC {metrics['auc']:.3f} against {simple['auc']:.3f}).",
        behind,
        f"ranks better than this model: AUC {others[best]['auc']:.3f} against {metrics['auc']:.3f}.",
        doubt_of(metrics, doubt),
    )
    return {
        **metrics,
        **verdict._asdict(),
        "deciles": deciles(churned, probability),
        "thousandths": count_thousandths(churned, probability),
        "curves": binary_curves(churned, probability),
        "baselines": others,
        "simple_rule": simple,
        "added": asdict(added),
    }


def evaluate_choice(
    chosen: Classes,
    scores: Probabilities,
    baselines: Mapping[str, Probabilities],
    offers: Sequence[int],
    rule: SimpleRule,
    customers: Customers | None = None,
    *,
    doubt: str = "",
) -> Metrics:
    """Metrics of `scores` (rows, offers) on test rows, those of baselines, recall per offer and verdict.

    Metrics have intervals; `customers` numbers the customer of each row. `doubt` says why the model may be reading the
    answer.
    """
    bootstrap = Bootstrap(choice_metrics, chosen, {THIS_MODEL: scores, _RULE: rule.scores, **baselines}, customers)
    metrics = bootstrap.with_intervals(THIS_MODEL)
    others: dict[str, Metrics] = {name: bootstrap.with_intervals(name) for name in baselines}
    simple = {"feature": rule.feature, **{key: bootstrap.metrics[_RULE][key] for key in ("top_1", "top_3")}}
    added = bootstrap.differences(THIS_MODEL, _RULE)["top_1"]
    best = min(_standard(others), key=lambda name: others[name]["log_loss"])
    behind = best if metrics["log_loss"] - others[best]["log_loss"] > _LOG_LOSS_MARGIN else None
    verdict = give_verdict(
        better_baseline(chosen, scores, baselines),
        grade_of(added, simple["top_1"], Evidence(len(chosen), len(chosen), "rows"), behind=behind is not None),
        _choice_rule(rule),
        f"the offer taken is ranked first for {_percent(metrics['top_1'])} of customers and among the first three "
        f"for {_percent(metrics['top_3'])}, instead of {_percent(simple['top_1'])} and {_percent(simple['top_3'])}.",
        behind,
        f"predicts better than this model: log loss {others[best]['log_loss']:.3f} against {metrics['log_loss']:.3f}.",
        doubt_of(metrics, doubt),
    )
    return {
        **metrics,
        **verdict._asdict(),
        "offers": _per_offer(chosen, scores, offers),
        "confusion": confusion(chosen, scores),
        "baselines": others,
        "simple_rule": simple,
        "added": asdict(added),
    }


def binary_metrics(churned: Classes, probability: Probabilities) -> Metrics:
    """ROC AUC, PR AUC, log loss (nats), Brier score, calibration error, and churners captured in the top 20%."""
    positive = churned == 1
    return {
        "auc": area_under_curve(probability, positive),
        "pr_auc": average_precision(probability, positive),
        "log_loss": float(row_losses(churned, np.stack([1 - probability, probability], axis=1)).mean()),
        "brier": float(np.mean((probability - churned) ** 2)),
        "calibration_error": calibration_error(churned, probability),
        "captured_top_20": captured(churned, probability, _TOP_SHARE),
        "mean_predicted": float(probability.mean()),
        "actual_rate": float(positive.mean()),
    }


def choice_metrics(chosen: Classes, scores: Probabilities) -> Metrics:
    """Top-1 and top-3 accuracy, mean reciprocal rank and log loss (nats); tied scores share their mean rank."""
    own = scores[np.arange(len(chosen)), chosen]
    rank = (scores > own[:, None]).sum(axis=1) + ((scores == own[:, None]).sum(axis=1) + 1) / 2
    return {
        "top_1": float((rank <= 1).mean()),
        "top_3": float((rank <= 3).mean()),
        "mean_reciprocal_rank": float((1 / rank).mean()),
        "log_loss": float(row_losses(chosen, scores).mean()),
    }


def deciles(churned: Classes, probability: Probabilities) -> list[Metrics]:
    """Ten equal groups by descending probability: predicted and actual rate, lift, cumulative share of churners."""
    order = np.argsort(-probability, kind="stable")
    groups = np.array_split(order, 10)
    found = np.cumsum([churned[group].sum() for group in groups])
    base, total = max(churned.mean(), _MIN_PROBABILITY), max(int(churned.sum()), 1)
    return [
        {
            "rows": len(group),
            "predicted": float(probability[group].mean()),
            "actual": float(churned[group].mean()),
            "lift": float(churned[group].mean() / base),
            "captured": float(so_far / total),
        }
        for group, so_far in zip(groups, found, strict=True)
        if len(group)
    ]


def count_thousandths(churned: Classes, probability: Probabilities) -> list[list[int]]:
    """Position, rows and churners of each thousandth of probability that has rows, ascending; 1 has its own.

    At most 1,001 entries, from which the figures at any threshold in whole thousandths follow exactly. Probabilities
    have six decimals, as in answers.
    """
    positions = np.rint(probability * 1_000_000).astype(np.int64) // 1_000
    rows, found = np.bincount(positions), np.bincount(positions, weights=churned)
    return [[int(place), int(rows[place]), int(found[place])] for place in np.flatnonzero(rows)]


def binary_curves(churned: Classes, probability: Probabilities) -> dict[str, list[list[float]]]:
    """The ROC and precision-recall curves as points (x, y)."""
    return {"roc": roc_points(churned, probability), "precision": precision_points(churned, probability)}


def confusion(chosen: Classes, scores: Probabilities) -> list[list[int]]:
    """The confusion matrix: rows by offer taken (outer) and the model's first choice (inner)."""
    offers = scores.shape[1]
    pairs = chosen * offers + np.argmax(scores, axis=1)
    return np.bincount(pairs, minlength=offers * offers).reshape(offers, offers).tolist()


def calibration_error(churned: Classes, probability: Probabilities) -> float:
    """Mean absolute difference between predicted and actual rates of the deciles, weighted by rows."""
    order = np.argsort(-probability, kind="stable")
    starts = [group[0] for group in np.array_split(np.arange(len(order)), 10) if len(group)]
    return float(np.abs(np.add.reduceat((probability - churned)[order], starts)).sum() / len(order))


def captured(churned: Classes, scores: npt.NDArray[np.floating], share: float) -> float:
    """The share of churners in the `share` of rows with the highest scores; ties at the cutoff count in proportion."""
    wanted = share * len(scores)
    edge = np.sort(scores)[::-1][max(int(np.ceil(wanted)) - 1, 0)]
    above, at = scores > edge, scores == edge
    part = (wanted - above.sum()) / at.sum()
    return float((churned[above].sum() + part * churned[at].sum()) / max(churned.sum(), 1))


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _evidence(churned: Classes, positives: str) -> Evidence:
    ones = int((churned == 1).sum())
    zeros = len(churned) - ones
    return Evidence(len(churned), min(ones, zeros), positives if ones <= zeros else f"non-{positives}")


def _choice_rule(rule: SimpleRule) -> str:
    if not rule.feature:
        return "always recommending the most popular offers"
    return f"recommending what is most popular among customers of similar {label_of(rule.feature).lower()}"


def _ranks(scores: npt.NDArray[np.floating]) -> Probabilities:
    """Map scores to 0–1 in the same order and with the same ties, so that they can be measured like probabilities."""
    distinct, ranks = np.unique(scores, return_inverse=True)
    return (ranks + 1) / (len(distinct) + 1)


def _standard(baselines: Mapping[str, Metrics]) -> list[str]:
    return [name for name in STANDARD_MODELS if name in baselines]


def _per_offer(chosen: Classes, scores: Probabilities, offers: Sequence[int]) -> list[Metrics]:
    """For each offer: the rows that took it, and the recall of the first choice and of the first three."""
    ranked = np.argsort(-scores, axis=1, kind="stable")
    found = []
    for index, offer in enumerate(offers):
        took = chosen == index
        first = ranked[took, 0] == index
        three = (ranked[took, :3] == index).any(axis=1)
        recall = {"recall": float(first.mean()), "recall_top_3": float(three.mean())} if took.any() else {}
        found.append({"offer": int(offer), "rows": int(took.sum()), **recall})
    return found
