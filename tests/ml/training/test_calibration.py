"""Calibration: finds a known distortion, leaves what is right alone, undoes class weights."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import expit, softmax

from loyalty_core.ml.training.calibration import (
    Calibration,
    balance_of,
    class_weights,
    fit_calibration,
    mean_log_loss,
    weight_correction,
)

NOTHING = np.zeros(1)


def drawn(rows: int, seed: int = 0) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """True logits and outcomes drawn with their probabilities."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1, 1.5, (rows, 1))
    return logits, (rng.random(rows) < expit(logits[:, 0])).astype(np.intp)


def test_a_known_distortion_is_found() -> None:
    logits, churned = drawn(20_000)
    found = fit_calibration((logits - 0.8) / 0.5, churned)
    assert found.scale == pytest.approx(0.5, rel=0.05)
    assert found.offset[0] == pytest.approx(0.8, abs=0.06)


def test_right_logits_are_left_exactly_as_they_are() -> None:
    logits, churned = drawn(5_000)
    assert fit_calibration(logits, churned) == (1.0, NOTHING)


def test_a_few_rows_that_are_separated_perfectly_do_not_lead_to_certainty() -> None:
    churned = np.array([0] * 40 + [1] * 40)
    assert 1 < fit_calibration(2.0 * churned[:, None] - 1, churned).scale <= 4.0 + 1e-9
    fewer = churned[25:55]
    assert 1 < fit_calibration(4.0 * fewer[:, None] - 2, fewer).scale < 2


def test_a_class_that_is_too_likely_is_offset() -> None:
    rng = np.random.default_rng(1)
    truth = np.array([0.5, 0.3, 0.2])
    chosen = rng.choice(3, 6_000, p=truth)
    logits = np.log(np.array([0.2, 0.3, 0.5])) + rng.normal(0, 0.01, (6_000, 3))
    found = fit_calibration(logits, chosen)
    corrected = found.scale * logits + found.offset
    share = np.exp(corrected) / np.exp(corrected).sum(axis=1, keepdims=True)
    assert share.mean(axis=0) == pytest.approx(np.bincount(chosen) / 6_000, abs=0.005)


@pytest.mark.parametrize("shift", [-1.5, 0.4])
def test_a_balanced_network_expects_as_many_as_there_are(shift: float) -> None:
    logits, churned = drawn(500)
    shifted = logits + shift
    balanced = shifted + balance_of(shifted, churned)
    assert expit(balanced).mean() == pytest.approx(churned.mean(), abs=0.002)


def test_several_classes_are_balanced_and_none_is_impossible() -> None:
    rng = np.random.default_rng(2)
    chosen = rng.choice(4, 2_000, p=[0.6, 0.3, 0.1, 0])
    logits = rng.normal(0, 1, (2_000, 4))
    shares = softmax(logits + balance_of(logits, chosen), axis=1).mean(axis=0)
    assert shares == pytest.approx(np.bincount(chosen, minlength=4) / 2_000, abs=0.001)
    assert shares[3] > 0


def test_a_calibration_of_balanced_logits_takes_unbalanced_ones() -> None:
    logits, balance = np.array([[0.5]]), np.array([0.3])
    calibration = Calibration(1.5, np.array([-0.2]))
    direct = calibration.of_unbalanced(balance)
    assert direct.scale * logits + direct.offset == pytest.approx(1.5 * (logits + balance) - 0.2)


def test_log_loss_of_one_and_of_several_logits() -> None:
    assert mean_log_loss(np.array([[0.0], [0.0]]), np.array([0, 1])) == pytest.approx(np.log(2))
    assert mean_log_loss(np.array([[np.log(3)]]), np.array([1])) == pytest.approx(-np.log(0.75))
    assert mean_log_loss(np.log(np.array([[0.2, 0.3, 0.5]])), np.array([2])) == pytest.approx(-np.log(0.5))


@pytest.mark.parametrize(("choice", "rare", "expected"), [("auto", 60, None), ("none", 1, None)])
def test_no_weights_where_not_needed(choice: str, rare: int, expected: None) -> None:
    assert class_weights(np.array([1] * rare + [0] * (1_000 - rare)), 2, choice) is expected


def test_weights_make_the_classes_count_the_same() -> None:
    classes = np.array([1] * 40 + [0] * 960)
    weights = class_weights(classes, 2, "auto")
    assert weights is not None
    assert weights[1] * 40 == pytest.approx(weights[0] * 960)
    assert weights[classes].mean() == pytest.approx(1)


def test_the_correction_undoes_the_weights() -> None:
    weights = np.array([0.5, 2.0])
    balanced = expit(0.3)
    odds = balanced / (1 - balanced) * weights[0] / weights[1]
    assert expit(0.3 + weight_correction(weights, 1)[0]) == pytest.approx(odds / (1 + odds))
    assert weight_correction(None, 3).tolist() == [0, 0, 0]
