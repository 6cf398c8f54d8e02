"""The networks: what they learn, that they stop, that they convert exactly, and that they come out the same again.

What loads TensorFlow is imported by the functions that use it: every process of a test run collects this module.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.special import expit, logit

from loyalty_core.errors import SettingsError
from loyalty_core.ml.evaluation import area_under_curve
from loyalty_core.ml.litert.model import TfliteModel
from loyalty_core.ml.training import TrainingOptions

if TYPE_CHECKING:
    from loyalty_core.ml.training.network import Epoch, TrainedNetwork

pytestmark = [pytest.mark.shares, pytest.mark.extended]

RNG = np.random.default_rng(11)
INPUTS = RNG.normal(size=(3_000, 3)).astype(np.float32)
# A hump, which no straight line ranks, and a product of two inputs, which no sum of curves holds.
TRUTH = expit(1.5 - 3 * np.abs(INPUTS[:, 0]) + 2 * INPUTS[:, 1] * INPUTS[:, 2])
CHURNED = (RNG.random(3_000) < TRUTH).astype(np.intp)
TRAIN, VALIDATION, TEST = slice(0, 2_000), slice(2_000, 2_400), slice(2_400, None)
QUICK = TrainingOptions(epochs=12, batch_size=64, learning_rate=0.01, members=1, teacher="none")


def churn_network(options: TrainingOptions = QUICK, classes: np.ndarray = CHURNED) -> TrainedNetwork:
    from loyalty_core.ml.training.network import Rows, train_network  # noqa: PLC0415

    train = Rows(INPUTS[TRAIN], classes[TRAIN])
    return train_network(train, Rows(INPUTS[VALIDATION], classes[VALIDATION]), 1, options)


@pytest.fixture(scope="module")
def churn() -> TrainedNetwork:
    return churn_network()


@pytest.fixture(scope="module")
def linear() -> TrainedNetwork:
    """A network on the same rows that can draw straight lines alone."""
    return churn_network(QUICK.replaced({"architecture": (), "pieces": 1}, "test"))


def test_pieces_lie_between_quantiles() -> None:
    from loyalty_core.ml.training.architecture import fit_pieces  # noqa: PLC0415

    inputs = np.stack([np.arange(101.0), np.array([0.0, 1.0] * 50 + [1.0]), np.full(101, 3.0)], axis=1)
    pieces = fit_pieces(inputs.astype(np.float32), 4)
    assert pieces.source.tolist() == [0, 0, 0, 0, 1]  # two values make one piece, a constant none
    assert pieces.start.tolist() == [0, 25, 50, 75, 0]
    assert pieces.length.tolist() == [25, 25, 25, 25, 1]
    assert (pieces.lowest.tolist(), pieces.highest.tolist()) == ([0, 0, 3], [100, 1, 3])


def test_it_learns_what_is_not_linear(churn: TrainedNetwork, linear: TrainedNetwork) -> None:
    churned = CHURNED[TEST] == 1
    found = area_under_curve(churn.predict(INPUTS[TEST])[:, 0], churned)
    assert found > area_under_curve(TRUTH[TEST], churned) - 0.05
    assert area_under_curve(linear.predict(INPUTS[TEST])[:, 0], churned) < found - 0.1


def test_litert_answers_as_keras_does(churn: TrainedNetwork) -> None:
    from loyalty_core.ml.training.conversion import check_parity  # noqa: PLC0415

    assert check_parity(churn, INPUTS[TEST]) < 1e-5
    served = TfliteModel(churn.tflite).predict(INPUTS[:7])
    assert served == pytest.approx(churn.predict(INPUTS[:7]), abs=1e-5)
    assert TfliteModel(churn.tflite).predict(INPUTS).shape == (3_000, 1)


def test_another_file_is_not_taken_for_the_network(churn: TrainedNetwork, linear: TrainedNetwork) -> None:
    from loyalty_core.ml.training.conversion import ConversionFailed, check_parity  # noqa: PLC0415

    mixed = replace(churn, tflite=linear.tflite)
    with pytest.raises(ConversionFailed, match="differ from the trained network by up to"):
        check_parity(mixed, INPUTS[TEST])


@pytest.mark.slow
def test_the_same_rows_and_seed_give_the_same_bytes(churn: TrainedNetwork) -> None:
    assert churn_network().tflite == churn.tflite
    assert churn_network(QUICK.replaced({"seed": 8}, "test")).tflite != churn.tflite


def test_what_was_never_seen_is_clipped_to_what_was(churn: TrainedNetwork) -> None:
    extremes = np.array([[np.inf, 0, 0], [3e38, 0, 0], [INPUTS[TRAIN][:, 0].max(), 0, 0]], dtype=np.float32)
    answers = TfliteModel(churn.tflite).predict(extremes)
    assert answers[0] == answers[1] == answers[2]


def test_training_stops_when_validation_no_longer_gets_better() -> None:
    noise = RNG.permutation(CHURNED)
    options = QUICK.replaced({"epochs": 60, "patience": 3}, "test")
    stopped = churn_network(options, noise)
    assert stopped.epochs < 40
    assert np.ptp(stopped.predict(INPUTS[TEST])) < 0.35  # the best epoch, not the last


def test_epochs_are_reported_and_may_be_stopped() -> None:
    from loyalty_core.ml.training.network import Rows, train_network  # noqa: PLC0415

    seen: list[Epoch] = []

    def stop_at_three(epoch: Epoch) -> None:
        seen.append(epoch)
        if epoch.number == 3:
            raise KeyboardInterrupt

    rows = Rows(INPUTS[TRAIN], CHURNED[TRAIN])
    with pytest.raises(KeyboardInterrupt):
        train_network(rows, rows, 1, QUICK, stop_at_three)
    assert [(epoch.number, epoch.epochs) for epoch in seen] == [(1, 12), (2, 12), (3, 12)]
    assert seen[2].validation_loss < seen[0].validation_loss
    assert [epoch.training_loss for epoch in seen] == [epoch.validation_loss for epoch in seen]  # the same rows


def test_a_step_is_traced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow traces again what created variables, which takes longer than such a training itself."""
    import keras  # noqa: PLC0415

    from loyalty_core.ml.training import architecture  # noqa: PLC0415
    from loyalty_core.ml.training.fitting import fit  # noqa: PLC0415

    options = QUICK.replaced({"members": 2, "architecture": ()}, "test")
    size = options.size_for(*INPUTS.shape)
    members, _ = architecture.build(INPUTS, 1, options, size)
    traced, step = [], members.train_step
    monkeypatch.setattr(members, "train_step", lambda data: traced.append(data) or step(data))
    fit(members, INPUTS, CHURNED[:, None].astype(np.float32), size, epochs=2, callback=keras.callbacks.Callback())
    assert len(traced) == 1


@pytest.mark.slow
def test_as_many_are_expected_as_there_are_among_the_rows_learned_from() -> None:
    from loyalty_core.ml.training.fitting import predict  # noqa: PLC0415
    from loyalty_core.ml.training.network import Rows, finish, train_candidates  # noqa: PLC0415

    train, validation = (Rows(INPUTS[part], CHURNED[part]) for part in (TRAIN, VALIDATION))
    (candidate,) = train_candidates(train, validation, 1, QUICK)
    network = finish(candidate, train, validation)
    for model, rows in ((network.model, train.with_(validation)), (network.judged, train)):
        calibrated = logit(predict(model, rows.inputs)[:, 0])
        # As it is before the validation rows decide on a scale and an offset.
        balanced = expit((calibrated - candidate.calibration.offset[0]) / candidate.calibration.scale)
        assert balanced.mean() == pytest.approx(rows.classes.mean(), abs=0.001)


def test_class_weights_leave_the_probabilities_right() -> None:
    rare = (RNG.random(3_000) < expit(2 * INPUTS[:, 0] - 5)).astype(np.intp)
    balanced = churn_network(QUICK, rare)
    assert balanced.class_weights is not None
    assert balanced.class_weights[1] > 5
    # Twelve rare validation rows set the level to within some 30 %; uncorrected, it would be five times too high.
    assert balanced.predict(INPUTS[TRAIN]).mean() == pytest.approx(rare[TRAIN].mean(), rel=0.5)


@pytest.mark.slow
def test_several_offers_and_members_and_a_loss_by_name() -> None:
    from loyalty_core.ml.training.network import Rows, train_network  # noqa: PLC0415

    chosen = np.clip(np.round(INPUTS[:, 0] + 2), 0, 3).astype(np.intp)
    options = TrainingOptions(
        members=2, epochs=6, batch_size=64, teacher="none", optimizer="rmsprop", loss="categorical_focal_crossentropy"
    )
    rows = Rows(INPUTS[TRAIN], chosen[TRAIN])
    offers = train_network(rows, Rows(INPUTS[VALIDATION], chosen[VALIDATION]), 4, options)
    scores = TfliteModel(offers.tflite).predict(INPUTS[TEST])
    assert scores.shape == (600, 4)
    assert scores.sum(axis=1) == pytest.approx(np.ones(600), abs=1e-5)
    assert (scores.argmax(axis=1) == chosen[TEST]).mean() > 0.8


@pytest.mark.parametrize("wrong", [{"optimizer": "adamm"}, {"loss": "crossentropy"}, {"activation": "rel"}])
def test_a_name_unknown_to_keras(wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=f"(?i)keras cannot build the network.*{next(iter(wrong.values()))}"):
        churn_network(QUICK.replaced(wrong, "test"))
