"""Selection of features: in a wide table, the network leaves out those that say no more than chance.

Of hundreds of features mostly a few matter, and what the network learns from the others is noise. So boosted trees are
fitted to the features beside shuffled copies of them; what a copy explains, it explains by chance, and features that
explain more than nearly every copy are chosen (Kursa and Rudnicki 2010, "Feature Selection with the Boruta Package").
Where many features matter a little each, few stand out and the choice would lose: it is dropped where the validation
rows show that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from loyalty_core.ml.training.calibration import first_as_good
from loyalty_core.ml.training.options import MANY_INPUTS
from loyalty_core.ml.training.teacher import boosted_trees, log_losses, mixture_of_models

if TYPE_CHECKING:
    import numpy.typing as npt

    from loyalty_core.ml.training.fitting import Rows
    from loyalty_core.ml.training.teacher import Features

    # Of each column of the inputs, whether the network uses it.
    Selected = npt.NDArray[np.bool_]

# With more rows, a network finds out by itself; and no more than so many rows are needed to see what stands out.
_MOST_ROWS, _RANKED_ROWS = 100_000, 20_000
# One copy in a hundred may explain more than a feature that is chosen.
_COPIES_BELOW = 0.99
_ROUNDS, _MAX_TREES = 100, 2_000
# Of the features and of the rows, so that a feature has a chance beside a similar one that is a little better.
_FEATURES_PER_TREE, _ROWS_PER_TREE = 0.3, 0.7


def select_features(train: Rows, validation: Rows, classes: int, features: Features, seed: int) -> Selected | None:
    """The columns of the inputs to use; None where all are, as with up to 60 features or more than 100,000 rows."""
    if int(features.max()) < MANY_INPUTS or len(train.classes) > _MOST_ROWS:
        return None
    selected = _that_stand_out(train, classes, features, seed)[features]
    if not selected.any() or selected.all():
        return None
    losses = [
        _losses(train.of(columns), validation.of(columns), classes, seed)
        for columns in (selected, np.ones_like(selected))
    ]
    # The fewer, unless they lose more than one standard error of the difference (Breiman et al. 1984).
    return selected if first_as_good(losses) == 0 else None


def _losses(train: Rows, validation: Rows, classes: int, seed: int) -> npt.NDArray[np.float64]:
    """The log losses, on the validation rows, of the mixture of models that is fitted to these inputs."""
    answers = mixture_of_models(train, validation, classes, seed).predict(validation.inputs)
    return log_losses(answers, validation.classes)


def _that_stand_out(rows: Rows, classes: int, features: Features, seed: int) -> npt.NDArray[np.bool_]:
    """Of each feature, whether trees gain more by it than by nearly all shuffled copies.

    Whole rows are shuffled, so that the copies are as similar to each other as the features are.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(rows.classes), min(len(rows.classes), _RANKED_ROWS), replace=False)
    inputs = rows.inputs[chosen]
    trees = boosted_trees(
        min(_ROUNDS, _MAX_TREES // classes),
        seed,
        colsample_bytree=_FEATURES_PER_TREE,
        subsample=_ROWS_PER_TREE,
        subsample_freq=1,
    )
    trees.fit(np.concatenate([inputs, rng.permutation(inputs)], axis=1), rows.classes[chosen])
    gains, by_chance = (
        np.bincount(features, weights=each) for each in np.split(trees.booster_.feature_importance("gain"), 2)
    )
    return gains > np.quantile(by_chance, _COPIES_BELOW)
