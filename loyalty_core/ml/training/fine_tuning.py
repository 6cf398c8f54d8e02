"""Fine-tuning of a network that learned from a teacher, on the real labels alone.

Boosted trees that are stopped early find what features do together but understate it, and so does a network that
learned from them. Some epochs on the labels at a low learning rate correct that; the validation rows decide how many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from loyalty_core.ml.training.calibration import first_as_good
from loyalty_core.ml.training.fitting import fit
from loyalty_core.ml.training.quiet import quiet_stderr

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.ml.training.architecture import FloatRows, Model
    from loyalty_core.ml.training.calibration import Losses
    from loyalty_core.ml.training.options import NetworkSize

with quiet_stderr():
    import keras

MOST_EPOCHS = 15
_PATIENCE = 3
_LEARNING_RATE = 0.0005


def fine_tune(
    members: Model,
    inputs: FloatRows,
    targets: FloatRows,
    size: NetworkSize,
    validation_losses: Callable[[], Losses],
    epochs: int,
) -> int:
    """Fit on labels until the validation loss stops falling, for at most so many epochs; return the number used.

    It is the first epoch whose loss is as low as the lowest, but for one standard error of the difference (Breiman et
    al. 1984): a few hundred validation rows cannot tell such epochs apart, and each one makes the network surer of
    itself. The weights are then those of this epoch; with number 0, when fine-tuning gains nothing, those from before.
    """
    path = _Path(validation_losses)
    _fit(members, inputs, targets, size, epochs, path)
    return path.number


def fine_tune_again(members: Model, inputs: FloatRows, targets: FloatRows, size: NetworkSize, epochs: int) -> None:
    """Fit on labels for the number of epochs that `fine_tune` found, which may be 0."""
    if epochs:
        _fit(members, inputs, targets, size, epochs, keras.callbacks.Callback())


def _fit(members: Model, inputs: FloatRows, targets: FloatRows, size: NetworkSize, epochs: int, callback: Any) -> None:
    members.optimizer.learning_rate.assign(_LEARNING_RATE)
    fit(members, inputs, targets, size, epochs=epochs, callback=callback)


class _Path(keras.callbacks.Callback):
    """Stops after some epochs without a lower loss and restores the weights of the epoch chosen."""

    def __init__(self, losses: Callable[[], Losses]) -> None:
        super().__init__()
        self._losses_now = losses
        self._losses: list[Losses] = []
        self._weights: list[list[Any]] = []
        self.number = 0

    def on_train_begin(self, logs: object = None) -> None:
        del logs
        self._record()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        del logs
        self._record()
        if epoch + 1 - self._best >= _PATIENCE:
            self._network.stop_training = True

    def on_train_end(self, logs: object = None) -> None:
        del logs
        self.number = first_as_good(self._losses)
        self._network.set_weights(self._weights[self.number])

    def _record(self) -> None:
        self._losses.append(self._losses_now())
        self._weights.append(self._network.get_weights())

    @property
    def _best(self) -> int:
        return int(np.argmin([losses.mean() for losses in self._losses]))

    @property
    def _network(self) -> Model:
        return self.model
