"""The networks: piecewise-linear inputs, a linear part and a hidden part side by side, calibrated, as TFLite.

Each scaled input is clipped to the range seen in training and joined by its pieces between quantiles
(Gorishniy et al. 2022, "On Embeddings for Numerical Features in Tabular Deep Learning"), so that the linear part
is an additive model with a bend per quantile, of which logistic regression is a special case, and heavy tails
need no transformation in the warehouse. The hidden part adds what depends on several inputs at once.
"""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from loyalty_core.errors import LoyaltyError, SettingsError
from loyalty_core.ml.training.calibration import (
    Calibration,
    Classes,
    Logits,
    class_weights,
    fit_calibration,
    mean_log_loss,
    weight_correction,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loyalty_core.ml.training.options import NetworkSize, TrainingOptions

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """TensorFlow and LiteRT greet on the file descriptor itself, before any log level applies."""
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 (a descriptor is wanted)
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


with _quiet_stderr():
    import keras
    import tensorflow as tf

    from loyalty_core.ml.litert.model import TfliteModel

FloatRows = npt.NDArray[np.float32]
# Keras's annotations do not fit its own functions.
Model = Tensor = Any

# Between these, a pair of quantiles counts as one: a steeper piece would only magnify rounding.
_NARROWEST_PIECE = 1e-4
_SMALLEST_GAIN = 1e-5
_CHUNK = 16_384
_REFIT_BELOW = 20_000
# What remains of the learning rate after the last epoch when all epochs are run.
_LAST_RATE = 1 / 32
PARITY_TOLERANCE = 1e-4


class ConversionFailed(LoyaltyError):
    """The TFLite file does not answer as the trained network does."""

    code = "conversion_failed"


class Pieces(NamedTuple):
    """Range of each input, and the pieces: input `source[k]` from `start[k]` on over `length[k]`."""

    lowest: FloatRows
    highest: FloatRows
    source: npt.NDArray[np.intp]
    start: FloatRows
    length: FloatRows


class Epoch(NamedTuple):
    """`number` counts from 1; both losses are log losses in nats per row, measured in the same way.

    `training_loss` is that of no more rows than there are to validate, since it is only looked at.
    """

    number: int
    epochs: int
    training_loss: float
    validation_loss: float


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """`predict` is Keras's answer, `tflite` the same network converted; `epochs` how many were trained."""

    model: Model
    tflite: bytes
    calibration: Calibration
    epochs: int
    validation_loss: float
    class_weights: tuple[float, ...] | None

    def predict(self, scaled: FloatRows) -> FloatRows:
        """Probabilities, shape (rows, outputs), as Keras computes them."""
        return _answers(self.model, scaled).astype(np.float32)


class Rows(NamedTuple):
    """Scaled inputs, float32 (rows, width), and classes 0, 1, …"""

    inputs: FloatRows
    classes: Classes


def train_network(
    train: Rows,
    validation: Rows,
    classes: int,
    options: TrainingOptions,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> TrainedNetwork:
    """Train, calibrate on validation rows and convert; two classes give one output, more give one each.

    Validation says after which epoch to stop and how to calibrate. Of fewer than 20,000 training rows every one
    counts, so the network is then trained again, for as many epochs, on the validation rows as well.
    The same rows and options give the same bytes on the same machine. What `on_epoch` raises stops the
    training. Raises `SettingsError` for an optimizer, loss or activation that Keras does not know, and
    `ConversionFailed` when the TFLite file cannot be made.
    """
    keras.utils.clear_session()  # or layer names, which stand in the file, would count on
    tf.config.experimental.enable_op_determinism()
    size = options.size_for(len(train.classes))
    outputs = 1 if classes == 2 else classes
    weights = class_weights(train.classes, classes, options.class_weights)
    correction = weight_correction(weights, outputs)
    _, logits = models = _build(train, outputs, options, size)
    some = np.linspace(0, len(train.classes) - 1, min(len(train.classes), len(validation.classes))).astype(int)
    watch = _Watch(
        logits,
        Rows(train.inputs[some], train.classes[some]),
        validation,
        correction,
        epochs=options.epochs,
        patience=size.patience,
        on_epoch=on_epoch,
    )
    _fit(models, train, weights, size, epochs=options.epochs, callback=watch)
    calibration = fit_calibration(_answers(logits, validation.inputs), validation.classes, correction)
    if len(train.classes) < _REFIT_BELOW:
        both = Rows(
            np.concatenate([train.inputs, validation.inputs]), np.concatenate([train.classes, validation.classes])
        )
        _, logits = models = _build(both, outputs, options, size)
        _fit(models, both, weights, size, epochs=len(watch.rates), callback=_SameRates(watch.rates.__getitem__))
    served = _served(logits, calibration)
    chosen = None if weights is None else tuple(float(weight) for weight in weights)
    return TrainedNetwork(served, to_tflite(served), calibration, watch.epochs, watch.best_loss, chosen)


def fit_pieces(scaled: FloatRows, most_pieces: int) -> Pieces:
    """Ranges and quantile pieces of each input; an input of two values gets one piece, a constant none."""
    source, start, length = [], [], []
    for column in range(scaled.shape[1]):
        knots = np.unique(np.quantile(scaled[:, column], np.linspace(0, 1, most_pieces + 1)))
        lengths = np.diff(knots)
        wide = lengths >= _NARROWEST_PIECE
        source += [column] * int(wide.sum())
        start += knots[:-1][wide].tolist()
        length += lengths[wide].tolist()
    return Pieces(
        scaled.min(axis=0),
        scaled.max(axis=0),
        np.array(source, dtype=np.intp),
        np.array(start, dtype=np.float32),
        np.array(length, dtype=np.float32),
    )


def to_tflite(model: Model) -> bytes:
    """Convert with builtin operations only, weights as constants, any number of rows at once."""
    trainable = [np.asarray(variable) for variable in model.trainable_variables]
    others = [np.asarray(variable) for variable in model.non_trainable_variables]
    width = model.inputs[0].shape[1]

    def answer(rows: Tensor) -> Tensor:
        return model.stateless_call(trainable, others, rows, training=False)[0]

    traced: Any = tf.function(answer, input_signature=[tf.TensorSpec([None, width], tf.float32)])
    with _quiet_stderr():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([traced.get_concrete_function()], tf.Module())
        try:
            return converter.convert()
        except Exception as error:
            reason = str(error).strip().splitlines()[0]
            raise ConversionFailed("TensorFlow cannot convert the network to TFLite.", reason) from error


def prove_parity(network: TrainedNetwork, scaled: FloatRows) -> float:
    """Largest difference between Keras and LiteRT on these rows; raises `ConversionFailed` above 1e-4."""
    with _quiet_stderr():
        served = TfliteModel(network.tflite).predict(scaled)
    difference = float(np.abs(served - network.predict(scaled)).max(initial=0.0))
    if not difference <= PARITY_TOLERANCE:
        raise ConversionFailed(
            f"The TFLite file answers differently from the trained network, by up to {difference:.2g}.",
            remedy="Train with the default architecture, or report the options that were used.",
        )
    return difference


_SameRates = keras.callbacks.LearningRateScheduler


class _Watch(keras.callbacks.Callback):
    """Stops at the best validation log loss of all members together, halving the learning rate on the way.

    Without `patience`, all epochs are run with a learning rate that falls evenly, and the last one counts.
    """

    def __init__(
        self,
        logits: Model,
        trained: Rows,
        validation: Rows,
        correction: npt.NDArray[np.float64],
        *,
        epochs: int,
        patience: int | None,
        on_epoch: Callable[[Epoch], None],
    ) -> None:
        super().__init__()
        self._logits, self._trained, self._validation, self._correction = logits, trained, validation, correction
        self._epochs, self._patience, self._on_epoch = epochs, patience, on_epoch
        self.best_loss, self.epochs = np.inf, 0
        self.rates: list[float] = []  # of the epochs up to the best
        self._all_rates: list[float] = []
        self._best_weights: list[Any] = []

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        del logs
        network: Model = self.model
        rate = network.optimizer.learning_rate
        loss = self._loss_of(self._validation)
        self.epochs = epoch + 1
        self._all_rates.append(float(np.asarray(rate)))
        if self._patience is None or loss < self.best_loss - _SMALLEST_GAIN or not self.rates:
            self.best_loss, self.rates, self._best_weights = loss, list(self._all_rates), network.get_weights()
        if self._patience is None:
            rate.assign(rate * _LAST_RATE ** (1 / self._epochs))
        elif self._waited == self._patience // 2:
            rate.assign(rate / 2)
        elif self._waited >= self._patience:
            network.stop_training = True
        self._on_epoch(Epoch(self.epochs, self._epochs, self._loss_of(self._trained), loss))

    def _loss_of(self, rows: Rows) -> float:
        return mean_log_loss(_answers(self._logits, rows.inputs) + self._correction, rows.classes)

    @property
    def _waited(self) -> int:
        return len(self._all_rates) - len(self.rates)

    def on_train_end(self, logs: object = None) -> None:
        del logs
        network: Model = self.model
        network.set_weights(self._best_weights)


def _fit(
    models: tuple[Model, Model],
    rows: Rows,
    weights: npt.NDArray[np.float64] | None,
    size: NetworkSize,
    *,
    epochs: int,
    callback: keras.callbacks.Callback,
) -> None:
    members, logits = models
    steps = -(-len(rows.classes) // size.batch_size)
    of_row = None if weights is None else weights[rows.classes].astype(np.float32)
    members.fit(
        rows.inputs,
        [_targets(rows.classes, logits.output.shape[1])] * size.members,
        sample_weight=None if of_row is None else [of_row] * size.members,
        batch_size=-(-len(rows.classes) // steps),  # evenly: a last batch of one row would count like a full one
        epochs=epochs,
        verbose=0,
        callbacks=[callback],
    )


def _build(rows: Rows, outputs: int, options: TrainingOptions, size: NetworkSize) -> tuple[Model, Model]:
    """A model with an output per member for training, and one with their mean logits, of the same layers."""
    keras.utils.set_random_seed(options.seed)
    try:
        scaled = keras.Input((rows.inputs.shape[1],))
        stem = _stem(scaled, fit_pieces(rows.inputs, options.pieces))
        logits = [_member(stem, outputs, options, size) for _ in range(size.members)]
        activation = "sigmoid" if outputs == 1 else "softmax"
        answers = [keras.layers.Activation(activation)(each) for each in logits]
        mean = keras.layers.Average()(logits) if len(logits) > 1 else logits[0]
        members = keras.Model(scaled, answers)
        _compile(members, options, size, outputs)
    except (ValueError, TypeError) as error:
        raise SettingsError("Keras cannot build the network.", str(error).strip().splitlines()[0]) from error
    return members, keras.Model(scaled, mean)


def _stem(rows: Tensor, pieces: Pieces) -> tuple[Tensor, Tensor]:
    """The clipped inputs, and how far each piece is passed, 0 to 1."""
    clipped = keras.ops.clip(rows, pieces.lowest, pieces.highest)
    kernel = np.zeros((len(pieces.lowest), len(pieces.source)), dtype=np.float32)
    kernel[pieces.source, np.arange(len(pieces.source))] = 1 / pieces.length
    dense = keras.layers.Dense(len(pieces.source), trainable=False)
    passed = dense(clipped)
    dense.set_weights([kernel, -pieces.start / pieces.length])
    return clipped, keras.ops.clip(passed, 0.0, 1.0)


def _member(stem: tuple[Tensor, Tensor], outputs: int, options: TrainingOptions, size: NetworkSize) -> Tensor:
    """Logits: a straight line, plus bends, plus what hidden layers add; all begin at zero."""
    penalty = keras.regularizers.L2(size.l2)
    line, bends, hidden = stem[0], stem[1], keras.layers.Concatenate()(stem)
    for units in size.architecture:
        hidden = keras.layers.Dense(units, activation=options.activation, kernel_regularizer=penalty)(hidden)
        hidden = keras.layers.Dropout(options.dropout)(hidden) if options.dropout else hidden
    parts = [line, bends, hidden] if size.architecture else [line, bends]
    heads = [
        keras.layers.Dense(outputs, kernel_initializer="zeros", kernel_regularizer=penalty)(part) for part in parts
    ]
    return keras.layers.Add()(heads)


def _compile(members: Model, options: TrainingOptions, size: NetworkSize, outputs: int) -> None:
    optimizer: Any = keras.optimizers.get(options.optimizer)
    optimizer.learning_rate = size.learning_rate
    loss = options.loss or ("binary_crossentropy" if outputs == 1 else "categorical_crossentropy")
    members.compile(optimizer=optimizer, loss=[keras.losses.get(loss)] * len(members.outputs), jit_compile=False)


def _served(logits: Model, calibration: Calibration) -> Model:
    """The mean logits, calibrated, as probabilities."""
    offset = calibration.offset.astype(np.float32)
    calibrated = keras.ops.add(keras.ops.multiply(logits.output, np.float32(calibration.scale)), offset)
    activation = "sigmoid" if len(offset) == 1 else "softmax"
    return keras.Model(logits.input, keras.layers.Activation(activation)(calibrated))


def _answers(model: Model, scaled: FloatRows) -> Logits:
    parts = [model(scaled[start : start + _CHUNK], training=False) for start in range(0, len(scaled), _CHUNK)]
    return np.concatenate([np.asarray(part, dtype=np.float64) for part in parts])


def _targets(classes: Classes, outputs: int) -> FloatRows:
    if outputs == 1:
        return classes.astype(np.float32)[:, None]
    return np.eye(outputs, dtype=np.float32)[classes]
