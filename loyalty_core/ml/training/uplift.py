"""Training of an uplift model: what a customer does if contacted and if not, from rows of both kinds.

Two ways are tried, and the one with the higher Qini on the validation rows is served:

- two networks, one fitted on those who were contacted and one on the others ("T-learner"),
- one network of the features, the treatment and their products, asked twice ("S-learner" with interactions). What the
  treatment changes is shrunk towards nothing, which suits effects that are much smaller than what is common to both.

Either becomes one TFLite file with two outputs. See Künzel et al. 2019, "Metalearners for estimating heterogeneous
treatment effects using machine learning".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from loyalty_core.ml.evaluation.uplift import uplift_metrics
from loyalty_core.ml.training.conversion import to_tflite
from loyalty_core.ml.training.fitting import Candidate, Epoch, Rows, predict
from loyalty_core.ml.training.network import best_of, models_of, train_candidates
from loyalty_core.ml.training.quiet import quiet_stderr
from loyalty_core.ml.training.teacher import boosted_trees

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from loyalty_core.ml.training.architecture import FloatRows, Model
    from loyalty_core.ml.training.options import TrainingOptions
    from loyalty_core.ml.training.teacher import Features

with quiet_stderr():
    import keras

Probabilities = npt.NDArray[np.float64]

TWO_NETWORKS = "two networks"
ONE_NETWORK = "one network with the treatment as an input"
TREES = "two boosted trees (T-learner)"
OUTCOME = "ranking by the outcome"


@dataclass(frozen=True, eq=False)
class UpliftNetwork:
    """`model` has two outputs, contacted and not; `qinis` are those of each way on the validation rows.

    `validation_loss` is the mean log loss of the networks in it.
    """

    model: Model
    tflite: bytes
    way: str
    qinis: Mapping[str, float]
    epochs: int
    validation_loss: float

    def predict(self, scaled: FloatRows) -> FloatRows:
        """Probabilities computed by Keras, shape (rows, 2)."""
        return predict(self.model, scaled).astype(np.float32)

    @property
    def learned(self) -> dict[str, Any]:
        """What the training found, for the manifest."""
        return {"epochs_trained": self.epochs, "learner": self.way, "validation_qini": dict(self.qinis)}


@dataclass(frozen=True, eq=False)
class _Learner:
    """`judged` was fitted on the training rows alone, `served` may have been refitted on validation rows too."""

    judged: Model
    served: Model
    networks: tuple[Candidate, ...]


def train_uplift(
    train: Rows,
    validation: Rows,
    options: TrainingOptions,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    *,
    features: Features | None = None,
) -> UpliftNetwork:
    """Train both ways and keep the better; classes are 2 × contacted + converted. Errors are those of `train_network`.

    Each of the two networks may learn from a teacher, by its own validation rows. The one network has none, since the
    treatment and its products cannot be exchanged between customers.
    """
    report = _EpochsInTurn(on_epoch, trainings=3)
    learners = {
        TWO_NETWORKS: _two_networks(train, validation, options, report, features),
        ONE_NETWORK: _one_network(train, validation, options, report),
    }
    qinis = {name: _qini(one.judged, validation) for name, one in learners.items()}
    way = max(qinis, key=qinis.__getitem__)
    best = learners[way]
    return UpliftNetwork(
        best.served,
        to_tflite(best.served),
        way,
        qinis,
        sum(network.epochs for one in learners.values() for network in one.networks),
        float(np.mean([network.validation_loss for network in best.networks])),
    )


def uplift_baselines(rows: Rows, test_inputs: FloatRows, seed: int) -> dict[str, Probabilities]:
    """Predictions (test rows, 2) of a T-learner of boosted trees, and of who converts whether or not contacted."""
    contacted, not_contacted = (_trees_predict(_arm(rows, arm), test_inputs, seed) for arm in (1, 0))
    outcome = _trees_predict(Rows(rows.inputs, rows.classes % 2), test_inputs, seed)
    return {
        TREES: np.stack([contacted, not_contacted], axis=1),
        OUTCOME: np.stack([outcome, np.zeros(len(outcome))], axis=1),
    }


def _trees_predict(rows: Rows, test_inputs: FloatRows, seed: int) -> Probabilities:
    """The probability of converting by boosted trees that were fitted on the rows."""
    return boosted_trees(200, seed).fit(rows.inputs, rows.classes).predict_proba(test_inputs)[:, 1]


class _EpochsInTurn:
    """Reports the epochs of several trainings as those of one."""

    def __init__(self, on_epoch: Callable[[Epoch], None], trainings: int) -> None:
        self._on_epoch = on_epoch
        self._before = self._last = 0
        self._left = trainings

    def report(self, epoch: Epoch) -> None:
        total = self._before + epoch.epochs * self._left
        self._on_epoch(epoch._replace(number=self._before + epoch.number, epochs=total))
        self._last = self._before + epoch.number

    def next(self) -> None:
        self._before, self._left = self._last, self._left - 1


def _two_networks(
    train: Rows, validation: Rows, options: TrainingOptions, report: _EpochsInTurn, features: Features | None
) -> _Learner:
    networks: list[Candidate] = []
    served: list[Model] = []
    judged: list[Model] = []
    for arm in (1, 0):
        rows = _arm(train, arm), _arm(validation, arm)
        networks.append(best_of(train_candidates(*rows, 1, options, report.report, features=features), *rows))
        for models, model in zip((served, judged), models_of(networks[-1], *rows), strict=True):
            models.append(model)
        report.next()
    width = train.inputs.shape[1]
    return _Learner(_side_by_side(judged, width), _side_by_side(served, width), tuple(networks))


def _one_network(train: Rows, validation: Rows, options: TrainingOptions, report: _EpochsInTurn) -> _Learner:
    untaught = replace(options, teacher="none")
    rows = _with_treatment(train), _with_treatment(validation)
    (network,) = train_candidates(*rows, 1, untaught, report.report)
    served, judged = models_of(network, *rows)
    width = train.inputs.shape[1]
    return _Learner(_asked_twice(judged, width), _asked_twice(served, width), (network,))


def _arm(rows: Rows, arm: int) -> Rows:
    """The rows of those who were contacted (1) or not (0), with whether they converted."""
    chosen = rows.classes // 2 == arm
    return Rows(rows.inputs[chosen], rows.classes[chosen] % 2)


def _with_treatment(rows: Rows) -> Rows:
    """The inputs, the same for those who were contacted and 0 for the others, and who was contacted."""
    contacted = (rows.classes // 2).astype(np.float32)[:, None]
    return Rows(np.concatenate([rows.inputs, rows.inputs * contacted, contacted], axis=1), rows.classes % 2)


def _side_by_side(models: list[Model], width: int) -> Model:
    rows = keras.Input((width,))
    named = [keras.Model(one.input, one.output, name=f"arm_{place}") for place, one in enumerate(models)]
    return keras.Model(rows, keras.layers.Concatenate()([one(rows) for one in named]))


def _asked_twice(model: Model, width: int) -> Model:
    rows: Any = keras.Input((width,))
    one: Any = keras.ops.ones_like(rows[:, :1])
    contacted = model(keras.ops.concatenate([rows, rows, one], axis=1))
    not_contacted = model(keras.ops.concatenate([rows, keras.ops.zeros_like(rows), 0 * one], axis=1))
    return keras.Model(rows, keras.layers.Concatenate()([contacted, not_contacted]))


def _qini(model: Model, rows: Rows) -> float:
    return uplift_metrics(rows.classes, predict(model, rows.inputs))["qini"]
