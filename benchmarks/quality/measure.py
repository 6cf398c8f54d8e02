"""What is measured on one fold of a data set."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from loyalty_core.ml.evaluation import best_ranking
from loyalty_core.ml.evaluation.baselines import BASE_RATE, fit_baselines
from loyalty_core.ml.evaluation.metrics import binary_metrics, choice_metrics, deciles
from loyalty_core.ml.training import TrainingOptions
from loyalty_core.ml.training.conversion import check_parity
from loyalty_core.ml.training.fitting import Rows
from loyalty_core.ml.training.network import best_of, finish, train_candidates
from loyalty_core.ml.training.preparation import encode_history, fit_encoding

if TYPE_CHECKING:
    import numpy.typing as npt

    from benchmarks.quality.data_set import DataSet
    from benchmarks.quality.data_set import Rows as Indices
    from loyalty_core.ml.training.fitting import Candidate
    from loyalty_core.ml.training.network import TrainedNetwork
    from loyalty_core.ml.training.preparation import Prepared

FOLDS = 3
NETWORK_ALONE, THIS_MODEL, BEST_COLUMN, TRUTH = "network alone", "this model", "best column", "truth"
_KEPT = ("auc", "top_1", "log_loss")


class Fold(NamedTuple):
    """Row indices; a sixth of the rows that are not tested are for validation."""

    train: Indices
    validation: Indices
    test: Indices


def folds_of(data: DataSet) -> list[Fold]:
    """Three folds, stratified by class, with the rows of a group in one of them."""
    folds = []
    for seen, test in StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(
        data.classes, data.classes, data.groups
    ):
        inner = StratifiedGroupKFold(6, shuffle=True, random_state=0)
        train, validation = next(inner.split(seen, data.classes[seen], data.groups[seen]))
        folds.append(Fold(seen[train], seen[validation], test))
    return folds


def measure(data: DataSet, number: int) -> dict[str, Any]:
    """Metrics of the networks and of all baselines on the test rows of a fold, as JSON.

    `seconds` is the processor time of the training.
    """
    fold = folds_of(data)[number]
    prepared = data.prepared(fold)
    encoding = fit_encoding([prepared])
    scaled = encoding.scaler.transform(encode_history(encoding, prepared.history))
    train, validation, test = (Rows(scaled[part], data.classes[part]) for part in fold)
    classes = prepared.labels.count
    features = np.repeat(np.arange(len(encoding.contract.inputs)), [one.width for one in encoding.contract.inputs])
    started = time.process_time()
    candidates = train_candidates(train, validation, len(data.offers) or 1, TrainingOptions(), features=features)
    seconds = time.process_time() - started
    alone, _ = _finished(candidates[0], train, validation)
    model, finishing = _finished(best_of(candidates, train, validation), train, validation)
    both = train.with_(validation)
    answers = {
        NETWORK_ALONE: _all_classes(alone.predict(test.inputs)),
        THIS_MODEL: _all_classes(model.predict(test.inputs)),
        **fit_baselines(both.inputs, both.classes, test.inputs, classes, seed=7),
    }
    del answers[BASE_RATE]
    if not data.offers:
        answers[BEST_COLUMN] = _best_column(prepared)
    if data.attainable is not None:
        known = data.attainable[fold.test]
        answers[TRUTH] = np.stack([1 - known, known], axis=1)
    return {
        "set": data.name,
        "about": data.about,
        "fold": number + 1,
        "rows": len(data.classes),
        "columns": data.features.num_columns,
        "offers": len(data.offers),
        "figures": {name: _figures(test.classes, one) for name, one in answers.items()},
        "deciles": {} if data.offers else {name: _curve(test.classes, one) for name, one in answers.items()},
        "is_taught": model.teacher_loss is not None,
        "seconds": seconds + finishing,
        "kilobytes": len(model.tflite) / 1024,
        "parity": check_parity(model, test.inputs),
    }


def _finished(candidate: Candidate, train: Rows, validation: Rows) -> tuple[TrainedNetwork, float]:
    started = time.process_time()
    network = finish(candidate, train, validation)
    return network, time.process_time() - started


def _best_column(prepared: Prepared) -> npt.NDArray[np.float64]:
    """The ranking by the best single column; its figures other than the area under the curve mean nothing."""
    split, classes = prepared.split, prepared.labels.classes
    fit = np.concatenate([split.train, split.validation])
    seen, asked = ([column.take(rows) for column in prepared.columns] for rows in (fit, split.test))
    scores = np.asarray(best_ranking(seen, classes[fit], asked, classes[split.test]).scores, dtype=np.float64)
    ranks = np.unique(scores, return_inverse=True)[1] / len(scores)
    return np.stack([1 - ranks, ranks], axis=1)


def _all_classes(predicted: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    found = predicted.astype(np.float64)
    return np.concatenate([1 - found, found], axis=1) if found.shape[1] == 1 else found


def _figures(classes: npt.NDArray[np.intp], answers: npt.NDArray[np.float64]) -> dict[str, float]:
    found = binary_metrics(classes, answers[:, 1]) if answers.shape[1] == 2 else choice_metrics(classes, answers)
    return {name: value for name, value in found.items() if name in _KEPT}


def _curve(classes: npt.NDArray[np.intp], answers: npt.NDArray[np.float64]) -> list[tuple[float, float]]:
    return [(group["predicted"], group["actual"]) for group in deciles(classes, answers[:, 1])]
