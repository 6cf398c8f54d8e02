"""An uplift model from its history to customers' answers: one training on a simulation whose uplift is known."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import duckdb
import numpy as np
import pytest

from loyalty_core.analytics.churn import gain_rule, gain_terms, has_uplift, plan, read_gains
from loyalty_core.analytics.outcomes import read_outcomes
from loyalty_core.analytics.scope import Scope, ScopedBase
from loyalty_core.ml.bundles import activate, load_bundle, write_bundle
from loyalty_core.ml.inference import MLInferenceService
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.tasks import UPLIFT, HistoryTooSmall, TrainingRefused
from loyalty_core.ml.training import TrainingOptions, read_readiness
from loyalty_core.segments import SegmentationEngine, SegmentRepository
from loyalty_core.settings import Settings
from loyalty_core.store import StateStore
from loyalty_core.warehouse import Warehouse
from tests.ml.treatments import Treatments, simulate, write_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loyalty_core.ml.training.trained_bundle import TrainedBundle

pytestmark = [pytest.mark.shares, pytest.mark.extended]

CUSTOMERS = 2_500
QUICK = TrainingOptions(
    teacher="none", epochs=5, architecture=(8,), pieces=2, members=1, batch_size=64, learning_rate=0.02
)


class Trained(NamedTuple):
    settings: Settings
    warehouse: Warehouse
    bundle: TrainedBundle
    treatments: Treatments


def settings_for(folder: Path) -> Settings:
    return Settings(
        dwh_url=f"duckdb:///{folder}/warehouse.duckdb",
        models_dir=folder / "models",
        predictions_file=folder / "customer_predictions.parquet",
        state_database_url=f"sqlite:///{folder}/state.db",
        ml_feature_mapping={"x0": "x0", "x1": "x1", "x2": "x2"},
        ml_model_input_size=3,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    # TensorFlow is not loaded by every process that collects this module.
    from loyalty_core.ml.training.train import train  # noqa: PLC0415

    folder, treatments = tmp_path_factory.mktemp("uplift"), simulate(CUSTOMERS)
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        write_tables(connection, treatments)
    settings = settings_for(folder)
    with closing(Warehouse(settings)) as warehouse:
        bundle = train(warehouse, {UPLIFT.name: QUICK})
        activate(settings.models_dir, write_bundle(settings.models_dir, bundle.parts), "ann")
        score_base(warehouse, load_bundle(settings.models_dir))
        yield Trained(settings, warehouse, bundle, treatments)


def test_its_history_has_four_classes(trained: Trained) -> None:
    found = read_readiness(trained.warehouse, UPLIFT)
    counts = np.bincount(trained.treatments.classes)
    assert found.classes == {str(place): count for place, count in enumerate(counts.tolist())}
    assert (found.findings, found.can_train) == ((), True)


def test_the_file_tells_whom_contact_changes(trained: Trained) -> None:
    assert (trained.settings.models_dir / "uplift.tflite").exists()
    metrics = load_bundle(trained.settings.models_dir).manifest["models"]["uplift"]["metrics"]
    low, high = metrics["intervals"]["qini"]
    assert 0.02 < low < metrics["qini"] < high
    assert metrics["worse_than"] is None
    assert metrics["parity"]["largest_difference"] < 1e-5
    assert list(metrics["baselines"]) == ["two boosted trees (T-learner)", "ranking by the outcome"]
    assert metrics["baselines"]["ranking by the outcome"]["qini"] < low
    options = trained.bundle.parts.models["uplift"].options
    assert options["validation_qini"][options["learner"]] == max(options["validation_qini"].values())


def test_every_customer_has_columns_that_agree_with_the_truth(trained: Trained) -> None:
    predictions = trained.warehouse.predictions
    assert predictions is not None
    rows = {row["customer_id"]: row for row in trained.warehouse.rows(predictions.select())}
    stored = np.array([rows[f"C{place}"]["uplift"] for place in range(CUSTOMERS)])
    assert np.corrcoef(stored, trained.treatments.uplift)[0, 1] > 0.8
    one = rows["C7"]
    assert one["uplift"] == pytest.approx(one["p_if_contacted"] - one["p_if_not"], abs=1e-6)
    answer = MLInferenceService(trained.settings, trained.warehouse).predict("uplift", "C7")
    assert answer == {"customer_id": "C7", **{name: one[name] for name in ("uplift", "p_if_contacted", "p_if_not")}}


def test_the_drivers_add_up_to_the_uplift(trained: Trained) -> None:
    known = MLInferenceService(trained.settings, trained.warehouse).predict_customer("C7")
    drivers = known.drivers["uplift"]
    assert drivers.prediction == pytest.approx(known.answers["uplift"]["uplift"], abs=1e-6)
    moved = sum(driver.contribution for driver in drivers.features) / 100
    assert drivers.base + moved == pytest.approx(drivers.prediction, abs=1e-6)


def test_the_budget_contacts_whom_contact_changes(trained: Trained) -> None:
    predictions = trained.warehouse.predictions
    assert predictions is not None
    stored = np.array([row["uplift"] for row in trained.warehouse.rows(predictions.select())])
    with StateStore(trained.settings.state_database_url) as store:
        store.migrate()
        engine = SegmentationEngine(trained.warehouse, SegmentRepository(store))
        base = ScopedBase(trained.warehouse, engine, Scope())
        assert has_uplift(base)
        gains = read_gains(base, None, 50.0)
        assert (gains.harmed, gains.unscored) == ((stored < 0).sum(), 0)
        best = plan(gains.bins, gain_terms(5.0)).best
        # A contact costs 5, and a conversion is worth 50: it pays from an uplift of 0.1 on.
        assert best.customers == pytest.approx((stored > 0.1).sum(), abs=0.02 * CUSTOMERS)
        assert best.retained == pytest.approx(stored[stored > 0.1].sum(), rel=0.02)
        assert engine.count(gain_rule(base, None, best.lowest_loss / 50 - 1e-9)) == best.customers
        by_column = read_gains(base, "x0")
        assert sum(one.customers for one in by_column.bins) == (stored >= 0).sum()


def test_there_are_no_outcomes_by_month(trained: Trained) -> None:
    assert read_outcomes(trained.warehouse, UPLIFT).why_none.startswith("Of each customer only one outcome can be seen")


def refused(tmp_path: Path, treatments: Treatments, sql: str = "") -> TrainingRefused:
    """What training says about a history that was changed by `sql`."""
    from loyalty_core.ml.training.preparation import prepare_all  # noqa: PLC0415

    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        write_tables(connection, treatments)
        connection.execute(sql)
    with closing(Warehouse(settings_for(tmp_path))) as warehouse, pytest.raises(TrainingRefused) as caught:
        prepare_all(warehouse, {UPLIFT.name: QUICK}, lambda _: None, {})
    return caught.value


def test_customers_who_were_chosen_are_no_experiment(tmp_path: Path) -> None:
    chosen = "UPDATE customer_treatment_history SET treated = x0 + x1 > 0 WHERE hash(customer_id) % 10 > 1"
    found = refused(tmp_path, simulate(1_000), chosen)
    assert found.what.startswith(
        "customer_treatment_history: Customers were not contacted at random: the features tell"
    )
    assert "X0 differs most" in found.what or "X1 differs most" in found.what
    assert "was measured after the contact or is part of it, leave it out of ML_FEATURE_MAPPING" in (found.remedy or "")


def test_too_few_outcomes_in_an_arm(tmp_path: Path) -> None:
    few = "UPDATE customer_treatment_history SET outcome = false WHERE NOT treated AND hash(customer_id) % 100 > 1"
    found = refused(tmp_path, simulate(1_000), few)
    assert isinstance(found, HistoryTooSmall)
    assert "rows say “not contacted, converted”; 20 are needed" in found.what


def test_a_treatment_that_is_neither_yes_nor_no(tmp_path: Path) -> None:
    table = "ALTER TABLE customer_treatment_history ALTER treated"
    words = f"{table} TYPE VARCHAR USING CASE WHEN treated THEN 'A' ELSE 'B' END"
    assert "The treatment must be 0 or 1, but some rows have 'A', 'B'." in refused(tmp_path, simulate(300), words).what
