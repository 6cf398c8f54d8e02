"""From a warehouse's history to a bundle that serves: the whole way, on a small simulated programme."""

from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pytest

from loyalty_core.demo.generate import generate
from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.bundles import activate, load_bundle, read_manifest, version_folder, write_bundle
from loyalty_core.ml.features import FeatureCountMismatch, Reference
from loyalty_core.ml.tasks import TrainingRefused
from loyalty_core.ml.training import TrainingOptions
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse

if TYPE_CHECKING:
    from pathlib import Path

    from loyalty_core.ml.training.progress import Progress
    from loyalty_core.ml.training.trained_bundle import TrainedBundle
    from tests.fixtures.shared import MadeOnce


pytestmark = [pytest.mark.shares, pytest.mark.extended]

QUICK = TrainingOptions(teacher="none", epochs=15, architecture=(16,), members=1, batch_size=256, learning_rate=0.01)
BOTH: dict[str, TrainingOptions] = {"churn": QUICK, "nbo": QUICK}


@pytest.fixture(scope="session")
def programme(made_once: MadeOnce) -> Path:
    """A warehouse of 1,000 simulated customers; no test may change it."""
    folder = made_once("programme", lambda folder: generate(folder / "warehouse.duckdb", customers=1_000))
    return folder / "warehouse.duckdb"


@pytest.fixture
def settings(programme: Path, tmp_path: Path) -> Settings:
    models = tmp_path / "models"
    models.mkdir()
    return Settings(dwh_url=f"duckdb:///{programme}", models_dir=models)


@pytest.fixture(scope="session")
def trained(programme: Path, made_once: MadeOnce) -> tuple[TrainedBundle, list[Progress]]:
    """A training of both models, and what it reported."""

    def make(folder: Path) -> None:
        reports: list[Progress] = []
        bundle = train_on(Settings(dwh_url=f"duckdb:///{programme}"), BOTH, reports)
        (folder / "trained.pickle").write_bytes(pickle.dumps((bundle, reports)))

    return pickle.loads((made_once("trained", make) / "trained.pickle").read_bytes())


def train_on(
    settings: Settings, options: dict[str, TrainingOptions], reports: list[Progress] | None = None
) -> TrainedBundle:
    # TensorFlow is not loaded by every process that collects this module.
    from loyalty_core.ml.training.train import train  # noqa: PLC0415

    warehouse = Warehouse(settings)
    try:
        return train(warehouse, options, (reports if reports is not None else []).append, trained_by="tester")
    finally:
        warehouse.close()


def test_the_bundle_is_written_opened_and_answers(
    trained: tuple[TrainedBundle, list[Progress]], settings: Settings
) -> None:
    activate(settings.models_dir, write_bundle(settings.models_dir, trained[0].parts), "tester")
    assert {path.name for path in settings.models_dir.iterdir()} >= {"nbo.tflite", "churn.tflite", "scaler.pkl"}
    bundle = load_bundle(settings.models_dir)
    assert bundle.offers("nbo") == (1, 2, 3, 4, 5, 6, 7, 8)
    assert bundle.contract.names == tuple(settings.ml_feature_mapping)
    golden = trained[0].parts.models["churn"]
    assert bundle.scores("churn", golden.golden_inputs)[:, 0] == pytest.approx(golden.golden_outputs[:, 0], abs=1e-5)


def test_a_choice_between_two_offers(programme: Path, tmp_path: Path) -> None:
    """Each offer has its own probability, unlike yes and no, which share one."""
    shutil.copy(programme, tmp_path / "warehouse.duckdb")
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("DELETE FROM customer_offer_history WHERE converted_offer_id NOT IN (3, 5)")
    settings = Settings(dwh_url=f"duckdb:///{tmp_path / 'warehouse.duckdb'}", models_dir=tmp_path)
    parts = train_on(settings, {"nbo": replace(QUICK, epochs=2)}).parts
    activate(tmp_path, write_bundle(tmp_path, parts), "tester")
    bundle = load_bundle(tmp_path)
    assert bundle.offers("nbo") == (3, 5)
    scores = bundle.scores("nbo", parts.models["nbo"].golden_inputs)
    assert scores.shape[1] == 2
    assert scores.sum(axis=1) == pytest.approx(np.ones(len(scores)))
    assert set(parts.models["nbo"].rows["classes"]) == {"3", "5"}
    assert parts.models["nbo"].metrics["top_1"] >= 0.5


def test_the_manifest_describes_the_training(trained: tuple[TrainedBundle, list[Progress]]) -> None:
    parts = trained[0].parts
    churn, nbo = parts.models["churn"], parts.models["nbo"]
    assert sum(churn.rows[name] for name in ("train", "validation", "test", "left_out")) == churn.rows["total"]
    assert 0 < churn.rows["left_out"] < churn.rows["total"] / 2  # of customers who are tested, and newest of the others
    assert sum(churn.rows["classes"].values()) == churn.rows["total"]
    assert {name: sum(counts.values()) for name, counts in churn.rows["classes_by_part"].items()} == {
        name: churn.rows[name] for name in ("train", "validation", "test")
    }
    assert set(nbo.rows["classes"]) == {"1", "2", "3", "4", "5", "6", "7", "8"}
    assert churn.window["source"] == "customer_churn_history"
    assert churn.window["split"] == "time"
    assert churn.window["first"] < churn.window["validation_from"] < churn.window["test_from"] <= churn.window["last"]
    assert churn.options["architecture"] == [16]
    assert churn.options["l2"] == pytest.approx(12.5 / churn.rows["train"])
    assert 1 <= churn.options["epochs_trained"] <= 15
    assert churn.metrics["parity"]["rows"] == churn.rows["test"]
    assert churn.metrics["parity"]["largest_difference"] <= 1e-4
    assert parts.trained_by == "tester"
    assert json.loads(json.dumps([churn.metrics, churn.options, nbo.metrics, nbo.options]))


def test_the_bundle_stores_the_distribution_of_the_features(
    trained: tuple[TrainedBundle, list[Progress]], settings: Settings
) -> None:
    parts = trained[0].parts
    version = write_bundle(settings.models_dir, parts)
    reference = Reference.of(read_manifest(version_folder(settings.models_dir, version))[0])
    assert reference is not None
    assert list(reference.bins) == list(settings.ml_feature_mapping)
    for name, part in parts.models.items():
        assert {spread.rows for spread in reference.training[name].values()} == {part.rows["train"]}
    assert {spread.rows for spread in reference.base.values()} == {1_000}
    assert reference.columns["days_since_last"] == "last_purchase_days_ago"


def test_both_models_learned_something(trained: tuple[TrainedBundle, list[Progress]]) -> None:
    parts = trained[0].parts
    assert trained[0].leaks == {}
    assert parts.models["churn"].metrics["auc"] > 0.65  # five features, a few epochs
    popular = parts.models["nbo"].metrics["baselines"]["base rate"]["top_1"]
    assert parts.models["nbo"].metrics["top_1"] > 1.5 * popular


def test_progress_reports_rows_epochs_and_time_left(trained: tuple[TrainedBundle, list[Progress]]) -> None:
    reports = [report for report in trained[1] if report.model == "churn"]
    assert reports[0].stage == "reading"
    assert reports[-1].stage == "evaluating"
    epochs = [report for report in reports if report.stage == "training"]
    assert [report.epoch for report in epochs] == list(range(1, len(epochs) + 1))
    assert epochs[0].rows == trained[0].parts.models["churn"].rows["total"]
    assert epochs[0].seconds_left is None  # the first one is no measure of the others
    assert epochs[1].seconds_left is not None
    assert epochs[1].seconds_left > 0
    assert epochs[0].validation_loss is not None


@pytest.mark.slow
def test_the_same_history_gives_the_same_models(
    trained: tuple[TrainedBundle, list[Progress]], settings: Settings
) -> None:
    again = train_on(settings, BOTH).parts
    assert again.scaler == trained[0].parts.scaler
    assert again.contract == trained[0].parts.contract
    for name, part in again.models.items():
        assert part.tflite == trained[0].parts.models[name].tflite
    assert np.array_equal(again.background, trained[0].parts.background)


@pytest.mark.slow
def test_a_model_trained_alone_leaves_the_other_as_it_is(
    trained: tuple[TrainedBundle, list[Progress]], settings: Settings
) -> None:
    activate(settings.models_dir, write_bundle(settings.models_dir, trained[0].parts), "tester")
    alone = train_on(settings, {"churn": replace(QUICK, seed=99)})
    assert alone.carried == ("nbo",)
    assert alone.parts.models["nbo"].tflite == trained[0].parts.models["nbo"].tflite
    assert alone.parts.models["churn"].tflite != trained[0].parts.models["churn"].tflite
    assert alone.parts.scaler == trained[0].parts.scaler
    before, after = (parts.reference for parts in (trained[0].parts, alone.parts))
    assert after["bins"] == before["bins"]
    assert after["training"]["nbo"] == before["training"]["nbo"]
    version = write_bundle(settings.models_dir, alone.parts)
    assert set(activate(settings.models_dir, version, "tester").models) == {"churn", "nbo"}


def test_a_model_trained_alone_needs_the_features_of_the_other(
    trained: tuple[TrainedBundle, list[Progress]], settings: Settings
) -> None:
    activate(settings.models_dir, write_bundle(settings.models_dir, trained[0].parts), "tester")
    mapping: dict[str, Any] = {"revenue": "total_revenue", "tier": "customer_tier"}
    other = settings.model_copy(update={"ml_feature_mapping": mapping, "ml_model_input_size": 2})
    with pytest.raises(LoyaltyError, match=r"active nbo model was trained on features other.*--model all"):
        train_on(other, {"churn": QUICK})


def test_the_first_model_may_be_trained_alone_with_text_features(settings: Settings) -> None:
    mapping: dict[str, Any] = {"orders": "transaction_count", "tier": "customer_tier", "days": ["no", "tenure_days"]}
    own = settings.model_copy(update={"ml_feature_mapping": mapping, "ml_model_input_size": 3})
    parts = train_on(own, {"nbo": replace(QUICK, epochs=2)}).parts
    assert set(parts.models) == {"nbo"}
    assert [(one.name, one.kind) for one in parts.contract.inputs] == [
        ("orders", "number"),
        ("tier", "text"),
        ("days", "number"),
    ]
    assert parts.contract.inputs[1].categories
    assert parts.background.shape == (64, parts.contract.width)


def test_the_input_size_is_checked_before_anything_is_read(settings: Settings) -> None:
    with pytest.raises(FeatureCountMismatch, match=r"^Feature count mismatch"):
        train_on(settings.model_copy(update={"ml_model_input_size": 4, "dwh_url": "duckdb:///missing"}), BOTH)


def test_a_history_that_is_too_small_is_refused(settings: Settings, tmp_path: Path) -> None:
    small = tmp_path / "small.duckdb"
    with duckdb.connect(str(small)) as connection:
        connection.execute(
            """CREATE TABLE customer_churn_history AS
               SELECT range AS total_revenue, range % 2 AS churned FROM range(150)"""
        )
    own = settings.model_copy(
        update={
            "dwh_url": f"duckdb:///{small}",
            "ml_feature_mapping": {"revenue": "total_revenue"},
            "ml_model_input_size": 1,
        }
    )
    with pytest.raises(TrainingRefused, match="There are 150 rows, but training requires at least 200"):
        train_on(own, {"churn": QUICK})
