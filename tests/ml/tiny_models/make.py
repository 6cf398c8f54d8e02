"""Makes the tiny models beside this file: `python -m tests.ml.tiny_models.make` (needs TensorFlow, a minute).

Five inputs, one hidden layer of eight, weights from a fixed seed. churn gives one probability, nbo eight;
other_churn has other weights, narrow_churn four inputs. pieces_* have the architecture of trained networks: pieces_nbo
of an offer model, pieces_churn_timing of three hazards.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from loyalty_core.ml.training.architecture import build, calibrated_model
from loyalty_core.ml.training.calibration import Calibration
from loyalty_core.ml.training.conversion import to_tflite
from loyalty_core.ml.training.hazards import served_model
from loyalty_core.ml.training.options import TrainingOptions

FOLDER = Path(__file__).parent
SHAPES = {
    "churn": (5, 1, "sigmoid", 1),
    "other_churn": (5, 1, "sigmoid", 2),
    "narrow_churn": (4, 1, "sigmoid", 3),
    "nbo": (5, 8, "softmax", 4),
    "other_nbo": (5, 8, "softmax", 5),
}


def tiny_model(inputs: int, outputs: int, activation: str, seed: int) -> bytes:
    model = keras.Sequential(
        [keras.Input((inputs,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(outputs, activation)]
    )
    generator = np.random.default_rng(seed)
    model.set_weights([generator.normal(0, 1, weights.shape) for weights in model.get_weights()])
    return tf.lite.TFLiteConverter.from_keras_model(model).convert()


def network_with_pieces(outputs: int, seed: int) -> Any:
    """Logits of the architecture that is trained, over the five inputs, with random weights in all of its parts."""
    generator = np.random.default_rng(seed)
    inputs = generator.normal(0, 1, (200, 5)).astype(np.float32)
    options = TrainingOptions(architecture=(6, 4), members=2, pieces=3, seed=seed)
    _, logits = build(inputs, outputs, options, options.size_for(200))
    for variable in logits.trainable_variables:
        variable.assign(generator.normal(0, 0.5, variable.shape))
    return logits


if __name__ == "__main__":
    offers = calibrated_model(network_with_pieces(4, 6), Calibration(1.5, np.array([0.1, -0.2, 0.3, 0.0])))
    (FOLDER / "pieces_nbo.tflite").write_bytes(to_tflite(offers))
    months = [Calibration(0.8, np.array([offset])) for offset in (-1.0, -0.5, 0.2)]
    (FOLDER / "pieces_churn_timing.tflite").write_bytes(to_tflite(served_model(network_with_pieces(3, 7), months)))
    for name, shape in SHAPES.items():
        (FOLDER / f"{name}.tflite").write_bytes(tiny_model(*shape))
