"""Distillation: a network learns what trees find and the rows alone do not teach, but never where that does not help.

What loads TensorFlow is imported by the functions that use it: every process of a test run collects this module.
"""

from __future__ import annotations

import numpy as np
import pytest

from loyalty_core.ml.evaluation import area_under_curve
from loyalty_core.ml.litert.model import TfliteModel
from loyalty_core.ml.training import TrainingOptions
from loyalty_core.ml.training import distillation as teaching

RNG = np.random.default_rng(5)
INPUTS = RNG.normal(size=(2_600, 4)).astype(np.float32)
TRAIN, VALIDATION, TEST = slice(0, 1_500), slice(1_500, 1_900), slice(1_900, None)
# Two features act together, and neither says anything alone.
TOGETHER = (RNG.random(2_600) < np.where(INPUTS[:, 0] * INPUTS[:, 1] > 0, 0.85, 0.15)).astype(np.intp)
ALONE = (RNG.random(2_600) < 1 / (1 + np.exp(-2 * INPUTS[:, 0]))).astype(np.intp)


def test_features_of_one_text_are_exchanged_together() -> None:
    inputs = np.arange(40, dtype=np.float32).reshape(10, 4)
    made_up = teaching.exchange_features(inputs, np.array([0, 1, 1, 1]), np.random.default_rng(0))
    assert made_up.shape == (teaching.MADE_UP_ROWS, 4)
    sources = made_up // 4  # the row that each value came from
    assert np.array_equal(sources[:, 1], sources[:, 2])
    assert np.array_equal(sources[:, 1], sources[:, 3])
    exchanged = (sources[:, 0] != sources[:, 1]).mean()
    # Either of two features is exchanged and the other not, with another row than its own: 2 · 0.3 · 0.7 · 0.9.
    assert exchanged == pytest.approx(0.378, abs=0.02)


def test_the_teacher_answers_for_classes_that_it_has_not_seen() -> None:
    from loyalty_core.ml.training.fitting import Rows  # noqa: PLC0415

    rows = Rows(INPUTS[TRAIN], np.where(TOGETHER[TRAIN] == 1, 2, 0))
    answers = teaching.fit_teacher(rows, 4, seed=1)(INPUTS[TEST])
    assert answers.shape == (700, 4)
    assert not answers[:, [1, 3]].any()
    assert answers.sum(axis=1) == pytest.approx(np.ones(700))


@pytest.mark.parametrize(("classes", "is_taught"), [(TOGETHER, True), (ALONE, False)], ids=["together", "alone"])
def test_a_network_learns_from_a_teacher_that_is_better(
    classes: np.ndarray, is_taught: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from loyalty_core.ml.training import network  # noqa: PLC0415
    from loyalty_core.ml.training.fitting import Rows  # noqa: PLC0415

    monkeypatch.setattr(teaching, "MADE_UP_ROWS", 6_000)
    monkeypatch.setattr(network, "LESSON_EPOCHS", 10)
    train, validation = Rows(INPUTS[TRAIN], classes[TRAIN]), Rows(INPUTS[VALIDATION], classes[VALIDATION])
    reported: list[int] = []
    taught = network.train_network(
        train, validation, 2, TrainingOptions(epochs=12), lambda epoch: reported.append(epoch.number)
    )
    assert (taught.teacher_loss is not None) == is_taught
    assert reported == list(range(1, 23 if is_taught else 13))
    area = area_under_curve(TfliteModel(taught.tflite).predict(INPUTS[TEST])[:, 0], classes[TEST] == 1)
    assert area > 0.78  # by chance and by the network alone it would be about one half for "together"
