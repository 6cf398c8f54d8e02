"""Conversion of a trained network to TensorFlow Lite, and the check that LiteRT computes the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.training.quiet import quiet_stderr

if TYPE_CHECKING:
    from loyalty_core.ml.training.architecture import FloatRows, Model, Tensor
    from loyalty_core.ml.training.hazards import HazardNetwork
    from loyalty_core.ml.training.network import TrainedNetwork
    from loyalty_core.ml.training.uplift import UpliftNetwork

with quiet_stderr():
    import tensorflow as tf

    from loyalty_core.ml.litert.model import TfliteModel

PARITY_TOLERANCE = 1e-4


class ConversionFailed(LoyaltyError):
    """The network cannot be converted, or the TFLite file computes something else."""

    code = "conversion_failed"


def to_tflite(model: Model) -> bytes:
    """Convert with built-in operations only, weights as constants, and a variable number of rows."""
    trainable = [np.asarray(variable) for variable in model.trainable_variables]
    others = [np.asarray(variable) for variable in model.non_trainable_variables]
    width = model.inputs[0].shape[1]

    def predict(rows: Tensor) -> Tensor:
        return model.stateless_call(trainable, others, rows, training=False)[0]

    traced: Any = tf.function(predict, input_signature=[tf.TensorSpec([None, width], tf.float32)])
    with quiet_stderr():
        converter = tf.lite.TFLiteConverter.from_concrete_functions([traced.get_concrete_function()], tf.Module())
        try:
            return converter.convert()
        except Exception as error:
            reason = str(error).strip().splitlines()[0]
            raise ConversionFailed("TensorFlow cannot convert the network to TFLite.", reason) from error


def check_parity(network: TrainedNetwork | UpliftNetwork | HazardNetwork, scaled: FloatRows) -> float:
    """The largest difference between Keras and LiteRT on these rows; raises `ConversionFailed` above 1e-4."""
    with quiet_stderr():
        served = TfliteModel(network.tflite).predict(scaled)
    difference = float(np.abs(served - network.predict(scaled)).max(initial=0.0))
    if not difference <= PARITY_TOLERANCE:
        raise ConversionFailed(
            f"The scores of the TFLite file differ from the trained network by up to {difference:.2g}.",
            remedy="Train with the default architecture, or report the options that you used.",
        )
    return difference
