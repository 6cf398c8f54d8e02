"""Distillation: a network learns what trees find and the rows alone do not teach, but never where that does not help.

What loads TensorFlow is imported by the functions that use it: every process of a test run collects this module.
"""

from __future__ import annotations

import numpy as np
import pytest

from loyalty_core.ml.evaluation import area_under_curve
from loyalty_core.ml.litert.model import TfliteModel
from loyalty_core.ml.training import TrainingOptions, teacher
from loyalty_core.ml.training.calibration import first_as_good
from loyalty_core.ml.training.fitting import Rows

pytestmark = pytest.mark.extended

RNG = np.random.default_rng(5)
INPUTS = RNG.normal(size=(2_000, 4)).astype(np.float32)
TRAIN, VALIDATION, TEST = slice(0, 1_000), slice(1_000, 1_300), slice(1_300, None)
# Two features act together, and neither says anything alone.
TOGETHER = (RNG.random(2_000) < np.where(INPUTS[:, 0] * INPUTS[:, 1] > 0, 0.85, 0.15)).astype(np.intp)
TRAIN_ROWS, VALIDATION_ROWS = (Rows(INPUTS[part], TOGETHER[part]) for part in (TRAIN, VALIDATION))


def even(inputs: np.ndarray) -> np.ndarray:
    return np.full((len(inputs), 4), 0.25)


def test_features_of_one_text_are_exchanged_together() -> None:
    inputs = np.arange(40, dtype=np.float32).reshape(10, 4)
    made_up = teacher.exchange_features(inputs, np.array([0, 1, 1, 1]), np.random.default_rng(0))
    assert made_up.shape == (teacher.MADE_UP_ROWS, 4)
    sources = made_up // 4  # the row that each value came from
    assert np.array_equal(sources[:, 1], sources[:, 2])
    assert np.array_equal(sources[:, 1], sources[:, 3])
    exchanged = (sources[:, 0] != sources[:, 1]).mean()
    # Either of two features is exchanged and the other not, with another row than its own: 2 · 0.3 · 0.7 · 0.9.
    assert exchanged == pytest.approx(0.378, abs=0.02)


def test_each_part_of_a_mixture_gets_the_share_that_predicts_best() -> None:
    classes = np.repeat([0, 1], [7_500, 2_500])
    sure_of_none, sure_of_one = np.eye(2)[np.zeros_like(classes)], np.eye(2)[np.ones_like(classes)]
    assert teacher.best_shares([sure_of_none, sure_of_one], classes) == pytest.approx([0.75, 0.25], abs=0.001)


def test_a_few_rows_exclude_no_part_of_a_mixture() -> None:
    classes = np.zeros(10, dtype=np.intp)
    right, wrong = np.eye(2)[classes], np.eye(2)[1 - classes]
    # As if each had explained five rows more: 15 and 5 of 20.
    assert teacher.best_shares([right, wrong], classes) == pytest.approx([0.75, 0.25])


def test_the_teacher_answers_for_classes_that_it_has_not_seen() -> None:
    classes = np.where(TOGETHER == 1, 2, 0)
    classes[VALIDATION][:5] = 3
    train, validation = (Rows(INPUTS[part], classes[part]) for part in (TRAIN, VALIDATION))
    fitted = teacher.fit_teacher(train, validation, even, 4, seed=1)
    again = fitted.refitted(train.with_(validation), 4, seed=1)
    for one in (fitted, again):
        answers = one.predict(INPUTS[TEST])
        assert answers.shape == (700, 4)
        assert answers.sum(axis=1) == pytest.approx(np.ones(700))
        assert area_under_curve(answers[:, 2], TOGETHER[TEST] == 1) > 0.8
    assert fitted.predict(INPUTS[:1])[0, [1, 3]] == pytest.approx(np.full(2, fitted.shares[-1] / 4))


def test_a_network_learns_from_a_teacher_that_is_better(monkeypatch: pytest.MonkeyPatch) -> None:
    from loyalty_core.ml.training import distillation  # noqa: PLC0415
    from loyalty_core.ml.training.network import train_network  # noqa: PLC0415

    monkeypatch.setattr(teacher, "MADE_UP_ROWS", 2_500)
    monkeypatch.setattr(distillation, "LESSON_EPOCHS", 8)
    options = TrainingOptions(epochs=4, architecture=(16,), members=1, batch_size=128, learning_rate=0.01)
    reported: list[int] = []
    taught = train_network(TRAIN_ROWS, VALIDATION_ROWS, 1, options, lambda epoch: reported.append(epoch.number))
    assert taught.teacher_loss is not None
    assert reported == list(range(1, 9))
    area = area_under_curve(TfliteModel(taught.tflite).predict(INPUTS[TEST])[:, 0], TOGETHER[TEST] == 1)
    assert area > 0.78  # of the truth it would be about 0.85, by chance one half


@pytest.mark.parametrize(("rows", "loss"), [(2_000, 0.497), (1_000, 0.504)])
def test_a_teacher_whose_gain_may_be_chance_teaches_nothing(
    monkeypatch: pytest.MonkeyPatch, rows: int, loss: float
) -> None:
    """A gain of at least one nat over the 300 validation rows is asked, and of few rows no clear loss."""
    from loyalty_core.ml.training import distillation  # noqa: PLC0415
    from loyalty_core.ml.training.calibration import Calibration  # noqa: PLC0415
    from loyalty_core.ml.training.fitting import Candidate  # noqa: PLC0415

    nothing = Calibration(1.0, np.zeros(1))
    direct = Candidate(None, lambda _: None, nothing, nothing, validation_loss=0.5, epochs=9)
    found = teacher.Teacher((even,), np.ones(1), rounds=1, loss=loss)
    monkeypatch.setattr(distillation, "fit_teacher", lambda *_: found)
    train, options = Rows(INPUTS[:rows], TOGETHER[:rows]), TrainingOptions()
    assert distillation.train_with_teacher(train, VALIDATION_ROWS, 1, options, lambda _: None, direct, None) is None


def test_fine_tuning_corrects_what_was_understated_and_leaves_the_best_alone() -> None:
    from loyalty_core.ml.training.architecture import build  # noqa: PLC0415
    from loyalty_core.ml.training.calibration import log_losses  # noqa: PLC0415
    from loyalty_core.ml.training.fine_tuning import fine_tune  # noqa: PLC0415
    from loyalty_core.ml.training.fitting import predict  # noqa: PLC0415

    labels = (INPUTS[:, :1] > 0).astype(np.float32)
    options = TrainingOptions(architecture=(), pieces=1, batch_size=64)
    size = options.size_for(*INPUTS.shape)

    def tune(targets: np.ndarray) -> tuple[int, float, float]:
        members, logits = build(INPUTS, 1, options, size)

        def losses() -> np.ndarray:
            return log_losses(predict(logits, INPUTS), labels[:, 0].astype(np.intp))

        before = losses().mean()
        return fine_tune(members, INPUTS, targets, size, losses, 6), before, losses().mean()

    epochs, before, after = tune(labels)
    assert epochs == 6
    assert after < before
    wrong, before, after = tune(1 - labels)
    assert wrong == 0
    assert after == before


def test_of_epochs_that_the_rows_cannot_tell_apart_the_first_is_used() -> None:
    before = RNG.normal(0.5, 0.2, 400)
    clearly, slightly = before - RNG.normal(0.1, 0.05, 400), before - RNG.normal(0.001, 0.1, 400)
    assert first_as_good([before, clearly]) == 1
    assert first_as_good([before, slightly]) == 0
    assert first_as_good([before, clearly, clearly - RNG.normal(0.0005, 0.05, 400), before]) == 1
