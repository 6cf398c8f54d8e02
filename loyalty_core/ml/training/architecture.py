"""The architecture: piecewise-linear inputs, then a linear part and a hidden part side by side.

Each scaled input is clipped to the range seen in training and accompanied by its pieces between quantiles
(Gorishniy et al. 2022, "On Embeddings for Numerical Features in Tabular Deep Learning"). So the linear part is an
additive model with a bend per quantile, of which logistic regression is a special case, and heavy tails need no
transformation in the warehouse. The hidden part adds what depends on several inputs at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from loyalty_core.errors import SettingsError
from loyalty_core.ml.training.quiet import quiet_stderr

if TYPE_CHECKING:
    from loyalty_core.ml.training.calibration import Calibration
    from loyalty_core.ml.training.options import NetworkSize, TrainingOptions

with quiet_stderr():
    import keras

FloatRows = npt.NDArray[np.float32]
# Keras's annotations do not match its functions.
Model = Tensor = Any

# Quantiles closer than this make no piece: a steeper slope would only magnify rounding errors.
_MIN_PIECE_LENGTH = 1e-4
# Steps that TensorFlow runs without returning to Python, which takes nearly as long as a step of a small network.
_STEPS_PER_EXECUTION = 32


class Pieces(NamedTuple):
    """The range of each input, and the pieces: piece k covers input `source[k]` from `start[k]` over `length[k]`."""

    lowest: FloatRows
    highest: FloatRows
    source: npt.NDArray[np.intp]
    start: FloatRows
    length: FloatRows


def build(
    inputs: FloatRows, outputs: int, options: TrainingOptions, size: NetworkSize, *, loss: Any = None
) -> tuple[Model, Model]:
    """A model with one output per member for training, and one that returns their mean logits; they share layers.

    With a `loss` of its own, the outputs are probabilities that are independent of each other.
    Raises `SettingsError` when Keras does not know an optimizer, loss or activation.
    """
    keras.utils.set_random_seed(options.seed)
    try:
        scaled = keras.Input((inputs.shape[1],))
        stem = _stem(scaled, fit_pieces(inputs, size.pieces))
        logits = [_member(stem, outputs, options, size) for _ in range(size.members)]
        activation = "sigmoid" if outputs == 1 or loss else "softmax"
        probabilities = [keras.layers.Activation(activation)(each) for each in logits]
        mean = keras.layers.Average()(logits) if len(logits) > 1 else logits[0]
        members = keras.Model(scaled, probabilities)
        _compile(members, options, size, outputs, loss)
    except (ValueError, TypeError) as error:
        raise SettingsError("Keras cannot build the network.", str(error).strip().splitlines()[0]) from error
    return members, keras.Model(scaled, mean)


def _stem(rows: Tensor, pieces: Pieces) -> tuple[Tensor, Tensor]:
    """The clipped inputs, and how much of each piece lies below the input (0 to 1)."""
    clipped = keras.ops.clip(rows, pieces.lowest, pieces.highest)
    kernel = np.zeros((len(pieces.lowest), len(pieces.source)), dtype=np.float32)
    kernel[pieces.source, np.arange(len(pieces.source))] = 1 / pieces.length
    dense = keras.layers.Dense(len(pieces.source), trainable=False)
    position = dense(clipped)
    dense.set_weights([kernel, -pieces.start / pieces.length])
    return clipped, keras.ops.clip(position, 0.0, 1.0)


def _member(stem: tuple[Tensor, Tensor], outputs: int, options: TrainingOptions, size: NetworkSize) -> Tensor:
    """Logits: the sum of a linear part, the pieces and the hidden layers, all initialised to zero."""
    penalty = keras.regularizers.L2(size.l2)
    linear, pieces, hidden = stem[0], stem[1], keras.layers.Concatenate()(stem)
    for units in size.architecture:
        hidden = keras.layers.Dense(units, activation=options.activation, kernel_regularizer=penalty)(hidden)
        hidden = keras.layers.Dropout(options.dropout)(hidden) if options.dropout else hidden
    parts = [linear, pieces, hidden] if size.architecture else [linear, pieces]
    heads = [
        keras.layers.Dense(outputs, kernel_initializer="zeros", kernel_regularizer=penalty)(part) for part in parts
    ]
    return keras.layers.Add()(heads)


def _compile(members: Model, options: TrainingOptions, size: NetworkSize, outputs: int, loss: Any) -> None:
    optimizer: Any = keras.optimizers.get(options.optimizer)
    optimizer.learning_rate = size.learning_rate
    loss = loss or options.loss or ("binary_crossentropy" if outputs == 1 else "categorical_crossentropy")
    members.compile(
        optimizer=optimizer,
        loss=[keras.losses.get(loss)] * len(members.outputs),
        jit_compile=False,
        steps_per_execution=_STEPS_PER_EXECUTION,
    )


def calibrated_model(logits: Model, calibration: Calibration) -> Model:
    """The model that is served: the calibrated logits as probabilities."""
    offset = calibration.offset.astype(np.float32)
    calibrated = keras.ops.add(keras.ops.multiply(logits.output, np.float32(calibration.scale)), offset)
    activation = "sigmoid" if len(offset) == 1 else "softmax"
    return keras.Model(logits.input, keras.layers.Activation(activation)(calibrated))


def fit_pieces(scaled: FloatRows, max_pieces: int) -> Pieces:
    """Ranges and quantile pieces of each input; an input with two values gets one piece, a constant none."""
    source, start, length = [], [], []
    for column in range(scaled.shape[1]):
        knots = np.unique(np.quantile(scaled[:, column], np.linspace(0, 1, max_pieces + 1)))
        lengths = np.diff(knots)
        wide = lengths >= _MIN_PIECE_LENGTH
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
