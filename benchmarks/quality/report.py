"""The report on model quality, as Markdown."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmarks.quality.measure import BEST_COLUMN, FOLDS, NETWORK_ALONE, THIS_MODEL, TRUTH
from loyalty_core.ml.evaluation.baselines import STANDARD_MODELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ALLOWANCE = 0.005
_CALIBRATED = 0.02
_MODELS = (NETWORK_ALONE, THIS_MODEL, *STANDARD_MODELS)
_TITLES = {"auc": "ROC AUC", "top_1": "top 1", "log_loss": "log loss"}

Folds = list[dict[str, Any]]


def report(results: Sequence[dict[str, Any]]) -> str:
    """The whole report on the figures of all folds."""
    sets: dict[str, Folds] = defaultdict(list)
    for one in results:
        sets[one["set"]].append(one)
    binary = {name: folds for name, folds in sets.items() if not folds[0]["offers"]}
    offers = {name: folds for name, folds in sets.items() if folds[0]["offers"]}
    lines = [
        _HEAD,
        *_table("Churn and other yes-or-no labels: ROC AUC", binary, "auc"),
        *_table("Churn and other yes-or-no labels: log loss", binary, "log_loss"),
        *_table("Next best offer: top 1", offers, "top_1"),
        *_table("Next best offer: log loss", offers, "log_loss"),
        *_calibration(binary),
        *_costs(sets),
        *_fold_by_fold(sets),
        *_about(sets),
        _LEFT_OUT,
    ]
    return "\n".join(lines)


def _mean(folds: Folds, model: str, metric: str) -> float | None:
    values = [fold["figures"][model][metric] for fold in folds if model in fold["figures"]]
    return float(np.mean(values)) if values else None


def _table(title: str, sets: dict[str, Folds], metric: str) -> Iterator[str]:
    """The means over folds; the last column compares the model with the best standard one."""
    shown_too = (BEST_COLUMN, TRUTH) if metric == "auc" else (TRUTH,)
    known = {model for folds in sets.values() for model in folds[0]["figures"]}
    names = [*_MODELS, *(model for model in shown_too if model in known)]
    yield f"\n## {title}\n"
    yield f"| data set | {' | '.join(names)} | ahead of the best standard model by | within {ALLOWANCE} |"
    yield "|---" * (len(names) + 3) + "|"
    for name, folds in sets.items():
        means = {model: _mean(folds, model, metric) for model in names}
        sign = -1 if metric == "log_loss" else 1
        own = means[THIS_MODEL]
        ahead = min(sign * (own - other) for model in STANDARD_MODELS if (other := means[model]) is not None and own)
        shown = " | ".join("" if mean is None else f"{mean:.4f}" for mean in means.values())
        yield f"| {name} | {shown} | {ahead:+.4f} | {'yes' if ahead >= -ALLOWANCE else '**no**'} |"


def _calibration(sets: dict[str, Folds]) -> Iterator[str]:
    yield "\n## Calibration\n"
    columns = ("error", "of a perfect model", "reached by 1 in 20", f"within {_CALIBRATED}")
    yield f"| data set | {' | '.join(columns)} |"
    yield "|---" * (len(columns) + 1) + "|"
    for name, folds in sets.items():
        pooled = calibration(folds, THIS_MODEL)
        verdict = "yes" if pooled.error <= _CALIBRATED else "as a perfect one" if pooled.is_chance else "**no**"
        yield f"| {name} | {pooled.error:.4f} | {pooled.chance:.4f} | {pooled.rarely:.4f} | {verdict} |"
    yield "\nThe same, averaged over the folds measured one by one:\n"
    models = (THIS_MODEL, *STANDARD_MODELS)
    yield f"| data set | {' | '.join(models)} | of a perfect model |"
    yield "|---" * (len(models) + 2) + "|"
    for name, folds in sets.items():
        errors = [float(np.mean([calibration([fold], model).error for fold in folds])) for model in models]
        chance = float(np.mean([calibration([fold], THIS_MODEL).chance for fold in folds]))
        yield f"| {name} | {' | '.join(f'{error:.4f}' for error in [*errors, chance])} |"


class Calibration(NamedTuple):
    """Mean distance of predicted and actual rates by decile, and that of a model whose probabilities are right.

    Such a model has an `error` of `chance` on average, and of more than `rarely` in one of 20 samples of so many rows.
    """

    error: float
    chance: float
    rarely: float

    @property
    def is_chance(self) -> bool:
        """Whether the error is no larger than what a perfect model shows now and then."""
        return self.error <= self.rarely


def calibration(folds: Folds, model: str) -> Calibration:
    """The calibration of a model over all rows of the folds: deciles are averaged over the folds first."""
    predicted, actual = np.mean([fold["deciles"][model] for fold in folds], axis=0).T
    rows = folds[0]["rows"] / FOLDS * len(folds) / len(predicted)
    deviations = np.sqrt(predicted * (1 - predicted) / rows)
    simulated = np.abs(np.random.default_rng(0).normal(0, deviations, (10_000, len(predicted)))).mean(axis=1)
    error = float(np.abs(predicted - actual).mean())
    return Calibration(error, float(simulated.mean()), float(np.quantile(simulated, 0.95)))


def _costs(sets: dict[str, Folds]) -> Iterator[str]:
    yield "\n## Cost\n"
    columns = ("rows", "columns", "folds measured", "taught", "processor seconds")
    yield f"| data set | {' | '.join(columns)} | `.tflite` KB | parity |"
    yield "|---" * (len(columns) + 3) + "|"
    for name, folds in sets.items():
        first = folds[0]
        seconds, size = min(fold["seconds"] for fold in folds), np.mean([fold["kilobytes"] for fold in folds])
        measured, taught = f"{len(folds)} of {FOLDS}", sum(fold["is_taught"] for fold in folds)
        parity = max(fold["parity"] for fold in folds)
        yield (
            f"| {name} | {first['rows']:,} | {first['columns']} | {measured} | {taught} "
            f"| {seconds:.0f} | {size:.0f} | {parity:.0e} |"
        )


def _fold_by_fold(sets: dict[str, Folds]) -> Iterator[str]:
    yield "\n## Fold by fold\n"
    yield f"| data set | fold | measure | {' | '.join(_MODELS)} |"
    yield "|---" * (len(_MODELS) + 3) + "|"
    for name, folds in sets.items():
        for fold in folds:
            for metric in ("top_1" if fold["offers"] else "auc", "log_loss"):
                values = " | ".join(f"{fold['figures'][model][metric]:.4f}" for model in _MODELS)
                yield f"| {name} | {fold['fold']} | {_TITLES[metric]} | {values} |"


def _about(sets: dict[str, Folds]) -> Iterator[str]:
    yield "\n## The data sets\n"
    for name, folds in sets.items():
        yield f"- **{name}**: {folds[0]['about']}."


_HEAD = f"""# Model quality

Made by `python -m benchmarks.model_quality`. Each data set is split into {FOLDS} folds, stratified by class; rows of
a customer and near-copies of a row are in the same fold. Of the rows that are not tested, five sixths are used for
training and one sixth for validation. Figures are means over the folds measured, on rows that neither training nor
early stopping nor calibration has seen. The standard models learned from the training and validation rows.

- **{NETWORK_ALONE}**: the network without a teacher (`--teacher none`), for comparison with what a teacher adds.
- **{THIS_MODEL}**: default options, which let the network learn from a teacher where the validation rows favour it;
  "taught" counts the folds where they did. The seconds include both ways of training; they are those of the
  quickest fold, since other work on the machine adds to them.
- **logistic regression**, **gradient boosting** (`HistGradientBoostingClassifier`) and **LightGBM**: the baselines that
  every training reports.
- **{BEST_COLUMN}**: ranking by the one column that ranks best.
- **{TRUTH}**: the true probabilities of simulated sets, a ceiling.

Calibration is measured by deciles of the predicted probability: the mean distance between the rates predicted and the
rates observed. The goal of 0.02 is for the error over all folds together. A model whose probabilities are exactly right
has an error too, because each decile has few rows. It is shown beside the error, as its mean and as the value exceeded
in one of 20 samples of that size; copies of a row count as rows. Where that value is more than 0.02, an error up to it
may be that of a perfect model as well. Chance adds more to the errors of single folds, which are shown beside those of
the standard models and of a perfect one.

With a few thousand test rows, ROC AUC varies by 0.01 to 0.02 between folds; differences between models on the same rows
are noise below about 0.003, with a few hundred rows below about 0.02."""

_LEFT_OUT = """
## Left out

- Sets that `benchmarks/quality` has and that are not in the tables: they were not measured in this run.
- Public churn sets of an online shop and of a bank: they cannot be redistributed with this repository. The simulated
  sets "shop with blanks" and "bank" have their size, kinds of columns and difficulties.
- CDNOW and the published RFM scores in tests/data: recency, frequency and money alone, without a label.
- The small sets of scikit-learn with fewer than 200 rows, which is the least that a training takes.
- Hillstrom's e-mail test and others about the effect of an action: they are for uplift models.
"""
