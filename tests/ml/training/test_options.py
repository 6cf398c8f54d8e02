"""Training options: where they come from, what is refused, and what the number of rows decides."""

from datetime import date
from typing import Any

import pytest

from loyalty_core.errors import SettingsError
from loyalty_core.ml.training import TrainingOptions, options_for
from loyalty_core.settings import Settings


def test_later_sources_win() -> None:
    settings = Settings(ml_training={"epochs": 20, "seed": 3, "churn": {"epochs": 30, "architecture": [8, 4]}})
    base = TrainingOptions(epochs=10, dropout=0.3)
    churn = options_for("churn", base, settings, {"seed": 5})
    nbo = options_for("nbo", base, settings, {})
    assert (churn.epochs, churn.seed, churn.dropout, churn.architecture) == (30, 5, 0.3, (8, 4))
    assert (nbo.epochs, nbo.seed, nbo.dropout, nbo.architecture) == (20, 3, 0.3, None)


def test_dates_come_as_text() -> None:
    assert TrainingOptions().replaced({"since": "2026-02-01"}, "x").since == date(2026, 2, 1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "ML_TRAINING has the value 0 for epochs. Input should be greater than or equal to 1."),
        ({"learning_rate": "fast"}, "ML_TRAINING has the value 'fast' for learning_rate."),
        ({"class_weights": "some"}, "ML_TRAINING has the value 'some' for class_weights."),
        ({"epoch": 3}, "ML_TRAINING has an option 'epoch' that does not exist."),
        ({"churn": 3}, "ML_TRAINING has the value 3 for churn."),
    ],
)
def test_a_wrong_value_is_reported_with_its_name(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        options_for("churn", TrainingOptions(), Settings(ml_training=values), {})
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("rows", "architecture", "members", "batch_size"),
    [(500, (), 1, 32), (5_000, (32, 16), 2, 64), (60_000, (64, 32), 1, 1024), (5_000_000, (64, 32), 1, 4096)],
)
def test_size_follows_the_rows(rows: int, architecture: tuple[int, ...], members: int, batch_size: int) -> None:
    size = TrainingOptions().size_for(rows, 10)
    assert (size.architecture, size.members, size.batch_size) == (architecture, members, batch_size)
    assert size.l2 * rows == pytest.approx(12.5)


def test_given_options_are_used() -> None:
    size = TrainingOptions(architecture=(7,), members=3, batch_size=9, l2=0.5, pieces=5).size_for(100, 300)
    assert tuple(size) == ((7,), 3, 0.5, 9, 0.01, None, 5)


@pytest.mark.parametrize(("inputs", "pieces", "penalty"), [(60, 8, 1), (150, 8, 2.5), (300, 4, 5), (2_000, 2, 100 / 3)])
def test_many_inputs_have_fewer_pieces_and_smaller_weights(inputs: int, pieces: int, penalty: float) -> None:
    size = TrainingOptions().size_for(5_000, inputs)
    assert size.pieces == pieces
    assert size.l2 == pytest.approx(penalty * TrainingOptions().size_for(5_000, 1).l2)


def test_few_rows_are_trained_to_the_end_and_more_are_stopped_early() -> None:
    few, more = TrainingOptions().size_for(1_999, 10), TrainingOptions().size_for(2_000, 10)
    assert (few.patience, few.learning_rate) == (None, 0.01)
    assert (more.patience, more.learning_rate) == (10, 0.003)


def test_without_hidden_layers_one_member_is_enough() -> None:
    assert TrainingOptions(architecture=(), members=3).size_for(100, 10).members == 1
