"""Makes the tiny models beside this file: `python -m tests.ml.tiny_models.make` (needs TensorFlow, a minute).

Five inputs, one hidden layer of eight, weights from a fixed seed. churn gives one probability, nbo eight;
other_churn has other weights, narrow_churn four inputs.
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

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


if __name__ == "__main__":
    for name, shape in SHAPES.items():
        (FOLDER / f"{name}.tflite").write_bytes(tiny_model(*shape))
