"""Train the churn and next best offer models on the warehouse's history: `python train_models_from_dwh.py`.

To change a model, edit its options below, or set them in loyalty.toml under [ml_training], [ml_training.churn] and
[ml_training.nbo], or for one run on the command line (--epochs 20), in ascending order of precedence.
`TrainingOptions` documents all options; None chooses by the number of rows. For other kinds of layers,
edit `_member` in loyalty_core/ml/training/architecture.py.
"""

from loyalty_core.ml.training import TrainingOptions

CHURN = TrainingOptions(
    architecture=None,  # units of each hidden layer, for example (64, 32)
    activation="relu",
    dropout=0.1,
    epochs=100,
    patience=None,
    batch_size=None,
    optimizer="adam",
    learning_rate=None,
    loss=None,  # a Keras loss for one output, for example "binary_focal_crossentropy"; None is cross-entropy
)
NBO = TrainingOptions(
    architecture=None,
    activation="relu",
    dropout=0.1,
    epochs=100,
    patience=None,
    batch_size=None,
    optimizer="adam",
    learning_rate=None,
    loss=None,  # a Keras loss for one output per offer, for example "categorical_focal_crossentropy"
)

if __name__ == "__main__":
    from loyalty_core.commands.train import main

    raise SystemExit(main(CHURN, NBO))
