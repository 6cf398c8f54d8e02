"""The time of churn: hazards by month, learned from customers of whom some were followed for a part of the time."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from loyalty_core.analytics.outcomes import replay_history
from loyalty_core.ml.bundles import activate, load_bundle, write_bundle
from loyalty_core.ml.inference import MLInferenceService
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.tasks import CHURN, CHURN_TIMING
from loyalty_core.ml.training import TrainingOptions, read_readiness
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.history import HistoryMissing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loyalty_core.ml.bundles import Bundle, ModelPart

pytestmark = [pytest.mark.shares, pytest.mark.extended]

CUSTOMERS = 1_500
# The hazard of each month: of the second kind of customers it is three times as high.
HAZARD = 0.1
WITHIN = {1: [0.1, 0.19, 0.271], 3: [0.3, 0.51, 0.657]}
QUICK = TrainingOptions(teacher="none", epochs=15, architecture=(), members=1, batch_size=64, learning_rate=0.02)


class Trained(NamedTuple):
    """A warehouse whose only model is that of the time of churn."""

    settings: Settings
    warehouse: Warehouse
    bundle: Bundle
    part: ModelPart


def history() -> pa.Table:
    """Customers of two kinds on two days; a third of the later rows is followed for a month only."""
    random = np.random.default_rng(3)
    rows = np.arange(2 * CUSTOMERS)
    kind = np.where(rows % 2, 3, 1)
    month = random.geometric(HAZARD * kind)
    first = rows < CUSTOMERS
    start = np.where(first, np.datetime64("2026-01-01"), np.datetime64("2026-02-01"))
    followed = start + np.where(first | (rows % 3 > 0), 90, 45)
    left = start + 30 * month - 10
    return pa.table(
        {
            "customer_id": [f"C{row % CUSTOMERS}" for row in rows],
            "kind": kind.astype(float),
            "noise": random.normal(size=len(rows)),
            "snapshot_date": start,
            "left_at": pa.array(left, mask=left > followed),
            "observed_until": followed,
            "churned": (month <= 3).astype(int),
        }
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    # TensorFlow is not loaded by every process that collects this module.
    from loyalty_core.ml.training.train import train  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("timing")
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.register("rows", history())
        connection.execute(
            "CREATE TABLE customer_churn_history AS FROM rows;"
            "CREATE TABLE customer_features_view AS SELECT DISTINCT ON (customer_id) customer_id, kind, noise FROM rows"
        )
    settings = Settings(
        dwh_url=f"duckdb:///{folder}/warehouse.duckdb",
        models_dir=folder / "models",
        predictions_file=folder / "customer_predictions.parquet",
        state_database_url=f"sqlite:///{folder}/state.db",
        ml_feature_mapping={"kind": "kind", "noise": "noise"},
        ml_model_input_size=2,
    )
    with closing(Warehouse(settings)) as warehouse:
        result = train(warehouse, {CHURN_TIMING.name: QUICK})
        activate(settings.models_dir, write_bundle(settings.models_dir, result.parts), "ann")
        score_base(warehouse, load_bundle(settings.models_dir))
        yield Trained(settings, warehouse, load_bundle(settings.models_dir), result.parts.models[CHURN_TIMING.name])


def test_probabilities_by_horizon_are_those_of_each_kind(trained: Trained) -> None:
    """Also of the third month, in which rows that are followed for one month would count as stayed."""
    for kind, expected in WITHIN.items():
        encoded = trained.bundle.contract.encode({"kind": pa.array([float(kind)]), "noise": pa.array([0.0])}).values
        found = trained.bundle.scores(CHURN_TIMING.name, encoded)[0]
        assert found == pytest.approx(expected, abs=0.05)


def test_rows_that_were_followed_for_a_month_are_learned_from_and_not_tested(trained: Trained) -> None:
    counts = trained.part.rows["classes_by_part"]
    partly = ("7", "8")
    assert sum(counts["train"][name] for name in partly) > 300
    assert not any(counts[part][name] for part in ("validation", "test") for name in partly)
    assert trained.part.metrics["parity"]["largest_difference"] < 1e-5


def test_each_horizon_is_measured(trained: Trained) -> None:
    metrics = trained.part.metrics
    assert [one["days"] for one in metrics["horizons"]] == [30, 60, 90]
    for days, suffix in ((30, "_30"), (60, "_60"), (90, "")):
        low, high = metrics["intervals"][f"auc{suffix}"]
        assert low <= metrics[f"auc{suffix}"] <= high
        assert metrics["baselines"]["LightGBM"][f"auc{suffix}"] > 0.5
        assert f"within {days} days" in metrics["sentence"]
    actual = [one["actual"] for one in metrics["horizons"]]
    assert actual == sorted(actual)
    assert metrics["actual_rate_30"] == actual[0]


def test_scores_are_fields_and_answers(trained: Trained) -> None:
    names = ["churn_within_30_days", "churn_within_60_days", "churn_within_90_days"]
    answer: dict[str, Any] = MLInferenceService(trained.settings, trained.warehouse).predict(CHURN_TIMING.name, "C1")
    within = [answer[name] for name in names]
    assert within == sorted(within)
    predictions = trained.warehouse.predictions
    assert predictions is not None
    (scored,) = trained.warehouse.rows(predictions.select().where(predictions.c.customer_id == "C1"))
    assert [scored[name] for name in names] == within


def test_past_months_are_measured_at_the_longest_horizon(trained: Trained) -> None:
    january, february = replay_history(trained.warehouse, trained.bundle, CHURN_TIMING).months
    assert january.figures.rows == CUSTOMERS
    assert february.figures.rows == CUSTOMERS * 2 // 3
    assert january.figures.left.value == pytest.approx(0.46, abs=0.04)


@pytest.mark.slow
def test_it_learns_from_teachers_what_features_do_together() -> None:
    from loyalty_core.ml.training.fitting import Rows  # noqa: PLC0415
    from loyalty_core.ml.training.hazards import train_hazards  # noqa: PLC0415

    random = np.random.default_rng(5)
    inputs = random.normal(size=(2_400, 4)).astype(np.float32)
    is_likely = (inputs[:, :3] > -0.4).all(axis=1)  # three features together
    classes = np.minimum(random.geometric(np.where(is_likely, 0.5, 0.05)) - 1, 3)
    train, validation = Rows(inputs[:1_800], classes[:1_800]), Rows(inputs[1_800:], classes[1_800:])
    network = train_hazards(train, validation, TrainingOptions(epochs=4, architecture=(16,), members=1))
    assert network.is_taught
    found = network.predict(random.normal(size=(500, 4)).astype(np.float32))
    assert (np.diff(found, axis=1) >= 0).all()
    likely = network.predict(np.array([[0.5, 0.5, 0.5, 0.0], [0.5, 0.5, -1.5, 0.0]], dtype=np.float32))
    assert likely[0, 0] > 2 * likely[1, 0]


def test_a_history_without_dates_of_leaving_says_what_is_missing(trained: Trained) -> None:
    settings = trained.settings.model_copy(
        update={"dwh_churn_training_query": "SELECT customer_id, kind, noise, churned FROM customer_churn_history"}
    )
    with closing(Warehouse(settings)) as warehouse:
        assert read_readiness(warehouse, CHURN).can_train
        with pytest.raises(HistoryMissing, match="no column left_at, so how soon customers leave is not known"):
            read_readiness(warehouse, CHURN_TIMING)
