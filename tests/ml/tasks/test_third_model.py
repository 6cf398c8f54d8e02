"""A third model needs one module and one line of registration: everything else reads the registry."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from loyalty_core.analytics.monitoring import read_monitoring
from loyalty_core.analytics.outcomes import read_outcomes, replay_history
from loyalty_core.health import check_health
from loyalty_core.ml.bundles import activate, load_bundle, write_bundle
from loyalty_core.ml.inference import MLInferenceService
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving.mock import MockModels
from loyalty_core.ml.tasks import TASKS, BinaryTask, UnknownModel, binary_metrics
from loyalty_core.ml.training import TrainingOptions, read_readiness
from loyalty_core.ml.versions import read_versions
from loyalty_core.segments import SegmentationEngine, SegmentDraft, SegmentRepository
from loyalty_core.services import Services
from loyalty_core.settings import Settings
from loyalty_core.store import StateStore
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.history import HistoryTable

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.shares, pytest.mark.extended]

RESPONSE = BinaryTask(
    name="response",
    title="Response",
    noun="response model",
    history=HistoryTable("customer_response_history", "responded", "mailed_on"),
    metrics=binary_metrics("responded", "did not respond", "do respond"),
    score_column="response_probability",
    group_column=None,
    yes="responded",
    no="did not respond",
    positives="responders",
)
CUSTOMERS = 400
TABLES = """
CREATE TABLE customer_features_view AS
    SELECT 'C' || i AS customer_id, i % 90 AS days, 10.0 + i % 7 AS spend FROM range({customers}) t(i);
CREATE TABLE customer_response_history AS
    SELECT 'C' || i % {customers} AS customer_id, (hash(i) % 90)::INTEGER AS days, 10.0 + i % 7 AS spend,
           (hash(i) % 90 + hash(i, 1) % 40 > 60)::INTEGER AS responded,
           DATE '2026-01-05' + (i // 200 * 31)::INTEGER AS mailed_on
    FROM range(1200) t(i);
"""
QUICK = TrainingOptions(teacher="none", epochs=6, architecture=(8,), members=1, batch_size=64, learning_rate=0.02)


@pytest.fixture(scope="module")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Warehouse]]:
    """A warehouse whose only model is the third, trained, activated and scored with."""
    # TensorFlow is not loaded by every process that collects this module.
    from loyalty_core.ml.training.train import train  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("third")
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute(TABLES.format(customers=CUSTOMERS))
    settings = Settings(
        dwh_url=f"duckdb:///{folder}/warehouse.duckdb",
        models_dir=folder / "models",
        predictions_file=folder / "customer_predictions.parquet",
        state_database_url=f"sqlite:///{folder}/state.db",
        ml_feature_mapping={"days": "days", "spend": "spend"},
        ml_model_input_size=2,
    )
    with pytest.MonkeyPatch.context() as patch, closing(Warehouse(settings)) as warehouse:
        patch.setitem(TASKS, RESPONSE.name, RESPONSE)
        trained = train(warehouse, {RESPONSE.name: QUICK})
        activate(settings.models_dir, write_bundle(settings.models_dir, trained.parts), "ann")
        score_base(warehouse, load_bundle(settings.models_dir))
        yield settings, warehouse


@pytest.fixture
def settings(workbench: tuple[Settings, Warehouse]) -> Settings:
    return workbench[0]


@pytest.fixture
def warehouse(workbench: tuple[Settings, Warehouse]) -> Warehouse:
    return workbench[1]


def test_its_history_is_looked_at(warehouse: Warehouse) -> None:
    found = read_readiness(warehouse, RESPONSE)
    assert (found.model, found.source, found.rows) == ("response", "customer_response_history", 1_200)
    assert sorted(found.classes) == ["0", "1"]
    assert found.can_train


def test_its_file_and_its_verdict_are_in_the_version(settings: Settings) -> None:
    bundle = load_bundle(settings.models_dir)
    assert (settings.models_dir / "response.tflite").exists()
    assert list(bundle.models) == ["response"]
    metrics = bundle.manifest["models"]["response"]["metrics"]
    assert metrics["auc"] > 0.8
    assert "of responders in the top 20%" in metrics["sentence"]


def test_every_customer_has_its_score_and_blanks_for_the_others(warehouse: Warehouse) -> None:
    predictions = warehouse.predictions
    assert predictions is not None
    rows = warehouse.rows(predictions.select())
    assert len(rows) == CUSTOMERS
    assert all(0 <= row["response_probability"] <= 1 for row in rows)
    assert {row["churn_probability"] for row in rows} == {row["recommended_offer"] for row in rows} == {None}


def test_one_customer_many_and_a_segment(settings: Settings, warehouse: Warehouse) -> None:
    service = MLInferenceService(settings, warehouse)
    stored = _stored(warehouse)
    assert service.predict("response", "C7") == {"customer_id": "C7", "response_probability": stored["C7"]}
    assert service.predict_many("response", ["C7", "nobody", "C8"]) == {
        name: {"customer_id": name, "response_probability": stored[name]} for name in ("C7", "C8")
    }
    known = service.predict_customer("C7")
    assert known.answers["response"]["response_probability"] == stored["C7"]
    assert known.drivers["response"].prediction == pytest.approx(stored["C7"], abs=1e-6)
    with StateStore(settings.state_database_url) as store:
        store.migrate()
        engine = SegmentationEngine(warehouse, SegmentRepository(store))
        segment = engine.create(SegmentDraft("Ten", {"<": [{"var": "days"}, 3]}), actor="ann")
        answer = service.predict_segment(segment.id, "response")
    members = [value for name, value in stored.items() if int(name[1:]) % 90 < 3]
    assert answer["source"] == "predictions"
    assert answer["processed"] == answer["total_customers"] == len(members)
    assert answer["statistics"] == {
        "average_response_probability": pytest.approx(sum(members) / len(members), abs=1e-6),
        "expected_responders": pytest.approx(sum(members), abs=1e-5),
    }


def test_a_rule_reads_its_score(settings: Settings, warehouse: Warehouse) -> None:
    with StateStore(settings.state_database_url) as store:
        engine = SegmentationEngine(warehouse, SegmentRepository(store))
        likely = {">": [{"var": "response_probability"}, 0.5]}
        assert engine.count(likely) == sum(value > 0.5 for value in _stored(warehouse).values())


def test_it_is_monitored_and_its_past_months_are_asked(settings: Settings, warehouse: Warehouse) -> None:
    bundle = load_bundle(settings.models_dir)
    assert [age.title for age in read_monitoring(warehouse, bundle.manifest).facts.ages] == ["Response"]
    assert len(replay_history(warehouse, bundle, RESPONSE).months) == 6
    assert read_outcomes(warehouse, RESPONSE).why_none.startswith("customer_response_history has no row in the month")


def test_system_health_and_the_versions_list_it(settings: Settings) -> None:
    services = Services(settings)
    found = {check.name: check.detail for check in check_health(services) if check.area == "Models"}
    services.warehouse.close()
    assert found["Response"].startswith("Trained ")
    assert found["Churn"] == "This version has no such model."
    assert list(read_versions(settings.models_dir)[0].models) == ["response"]


def test_mock_mode_makes_its_answers_up(workbench: Any) -> None:
    mock = MockModels({"days": "number", "spend": "number"})
    scores = mock.scores("response", mock.background)
    assert scores.shape == (len(mock.background), 1)
    assert 0 < scores.min() < scores.max() < 1


def test_a_model_that_is_not_registered_is_refused(settings: Settings, warehouse: Warehouse) -> None:
    with pytest.raises(UnknownModel, match=r"no model called 'upsell'. Known models: churn, .*, uplift, response"):
        MLInferenceService(settings, warehouse).predict("upsell", "C7")


def _stored(warehouse: Warehouse) -> dict[str, float]:
    predictions = warehouse.predictions
    assert predictions is not None
    return {row["customer_id"]: row["response_probability"] for row in warehouse.rows(predictions.select())}
