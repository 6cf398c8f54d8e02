"""Fine-tuning of a network that learned from a teacher, on the real labels alone.

Boosted trees that are stopped early find what features do together but understate it, and so does a network that
learned from them. Some epochs on the labels at a low learning rate correct that; the validation rows decide how many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty_core.ml.training.fitting import fit
from loyalty_core.ml.training.quiet import quiet_stderr

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.ml.training.architecture import FloatRows, Model
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
    validation_loss: Callable[[], float],
    epochs: int,
) -> int:
    """Fit on labels until the validation loss stops falling, for at most so many epochs; return the best one's number.

    The weights are then those of the best epoch; with number 0, when fine-tuning gains nothing, those from before.
    """
    best = _BestEpoch(validation_loss)
    _fit(members, inputs, targets, size, epochs, best)
    return best.number


def fine_tune_again(members: Model, inputs: FloatRows, targets: FloatRows, size: NetworkSize, epochs: int) -> None:
    """Fit on labels for the number of epochs that `fine_tune` found, which may be 0."""
    if epochs:
        _fit(members, inputs, targets, size, epochs, keras.callbacks.Callback())


def _fit(members: Model, inputs: FloatRows, targets: FloatRows, size: NetworkSize, epochs: int, callback: Any) -> None:
    members.optimizer.learning_rate.assign(_LEARNING_RATE)
    fit(members, inputs, targets, size, epochs=epochs, callback=callback)


class _BestEpoch(keras.callbacks.Callback):
    """Stops after some epochs without a lower loss and restores the weights of the best one."""

    def __init__(self, loss: Callable[[], float]) -> None:
        super().__init__()
        self._loss = loss
        self.number = 0

    def on_train_begin(self, logs: object = None) -> None:
        del logs
        self._best, self._weights = self._loss(), self._network.get_weights()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        del logs
        loss = self._loss()
        if loss < self._best:
            self._best, self._weights, self.number = loss, self._network.get_weights(), epoch + 1
        elif epoch + 1 - self.number >= _PATIENCE:
            self._network.stop_training = True

    def on_train_end(self, logs: object = None) -> None:
        del logs
        self._network.set_weights(self._weights)

    @property
    def _network(self) -> Model:
        return self.model
