"""Selection of features: in a wide table, the network leaves out what says no more than chance.

What loads TensorFlow is imported by the functions that use it: every process of a test run collects this module.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from loyalty_core.ml.training import TrainingOptions
from loyalty_core.ml.training.fitting import Rows
from loyalty_core.ml.training.selection import select_features

pytestmark = pytest.mark.extended

RNG = np.random.default_rng(11)
INPUTS = RNG.normal(size=(1_600, 120)).astype(np.float32)
EACH = np.arange(120)
TRAIN, VALIDATION = slice(0, 1_200), slice(1_200, None)
FEW_MATTER = expit(1.5 * INPUTS[:, 3] - 1.5 * INPUTS[:, 70] - 0.5)


def rows_of(probability: np.ndarray, inputs: np.ndarray = INPUTS) -> tuple[Rows, Rows]:
    classes = (np.random.default_rng(1).random(len(probability)) < probability).astype(np.intp)
    return Rows(inputs[TRAIN], classes[TRAIN]), Rows(inputs[VALIDATION], classes[VALIDATION])


def test_the_few_features_that_matter_are_selected_and_hardly_any_others() -> None:
    selected = select_features(*rows_of(FEW_MATTER), 2, EACH, seed=1)
    assert selected is not None
    assert selected[[3, 70]].all()
    assert selected.sum() < 12


def test_all_are_used_where_many_matter_a_little_each() -> None:
    every = expit(INPUTS.sum(axis=1) * 0.15)
    assert select_features(*rows_of(every), 2, EACH, seed=1) is None


def test_nothing_is_selected_among_few_features_or_many_columns_of_few() -> None:
    for few in (EACH[:60], EACH // 2):
        assert select_features(*rows_of(FEW_MATTER, INPUTS[:, : len(few)]), 2, few, seed=1) is None


def test_the_columns_of_a_text_are_selected_together() -> None:
    of_a_text = np.concatenate([np.repeat(0, 4), np.arange(1, 117)])  # the columns 0 to 3
    selected = select_features(*rows_of(FEW_MATTER), 2, of_a_text, seed=1)
    assert selected is not None
    assert selected[:4].tolist() == [True] * 4


@pytest.mark.slow
def test_the_network_ignores_what_is_not_selected() -> None:
    from loyalty_core.ml.training.network import train_network  # noqa: PLC0415

    train, validation = rows_of(FEW_MATTER)
    options = TrainingOptions(epochs=3, teacher="none")
    network = train_network(train, validation, 1, options, features=EACH)
    selected = select_features(train, validation, 2, EACH, options.seed)
    assert selected is not None
    assert network.learned["inputs_used"] == selected.sum()
    others = np.where(selected, validation.inputs, RNG.normal(size=validation.inputs.shape).astype(np.float32))
    assert np.array_equal(network.predict(validation.inputs), network.predict(others))
    assert len(np.unique(network.predict(validation.inputs))) > 100


@pytest.mark.slow
def test_hazards_ignore_what_is_not_selected() -> None:
    from loyalty_core.ml.training.hazards import train_hazards  # noqa: PLC0415

    train, validation = rows_of(FEW_MATTER)
    # Who leaves does so in the second month; the others are followed to the end.
    months = [Rows(rows.inputs, np.where(rows.classes == 1, 1, 3)) for rows in (train, validation)]
    options = TrainingOptions(epochs=3, teacher="none")
    network = train_hazards(*months, options, features=EACH)
    selected = select_features(train, validation, 2, EACH, options.seed)
    assert selected is not None
    assert network.learned["inputs_used"] == selected.sum()
    others = np.where(selected, validation.inputs, RNG.normal(size=validation.inputs.shape).astype(np.float32))
    assert np.array_equal(network.predict(validation.inputs), network.predict(others))
