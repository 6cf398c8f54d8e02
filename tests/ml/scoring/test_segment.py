"""predict_segment: what it says of all members is what each of them gets, from stored predictions and on the fly."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from loyalty_core.ml.bundles import ModelNotFound, activate, write_bundle
from loyalty_core.ml.inference import MLInferenceService
from loyalty_core.ml.scoring import UnknownPrediction, score_base
from loyalty_core.segments import SegmentationEngine, SegmentDraft, SegmentNotFound, SegmentRepository
from loyalty_core.settings import Settings, predictions_file
from loyalty_core.store import StateStore
from loyalty_core.warehouse import Warehouse
from tests.ml.fixtures import CUSTOMERS, GUIDE_CUSTOMER, make_warehouse, other_parts, without_nbo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULE = {">": [{"var": "total_revenue"}, 1000]}
# Revenue is 100 + 7.31 i, and the last two customers have a blank or keep theirs.
MEMBERS = [GUIDE_CUSTOMER if i == 0 else f"c{i}" for i in range(CUSTOMERS) if 100 + 7.31 * i > 1000 and i != 298]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    make_warehouse(tmp_path / "warehouse.duckdb")
    return Settings(
        dwh_url=f"duckdb:///{tmp_path}/warehouse.duckdb",
        models_dir=tmp_path / "models",
        state_database_url=f"sqlite:///{tmp_path}/state.db",
    )


@pytest.fixture
def warehouse(settings: Settings) -> Iterator[Warehouse]:
    warehouse = Warehouse(settings)
    yield warehouse
    warehouse.close()


@pytest.fixture
def service(settings: Settings, models_dir: Path, warehouse: Warehouse) -> MLInferenceService:
    """With a saved segment, `rich`."""
    store = StateStore(settings.state_database_url)
    store.migrate()
    engine = SegmentationEngine(warehouse, SegmentRepository(store))
    engine.create(SegmentDraft("Rich", RULE), actor="ann")
    return MLInferenceService(warehouse=warehouse)


def test_churn_scored_on_the_fly(service: MLInferenceService):
    single = service.predict_churn_many(MEMBERS)
    answer = service.predict_segment("rich", "churn", first=3)
    assert (answer["total_customers"], answer["processed"], answer["failed"]) == (len(MEMBERS), len(MEMBERS), 0)
    probabilities = [one["churn_probability"] for one in single.values()]
    statistics = answer["statistics"]
    assert statistics["expected_churners"] == pytest.approx(sum(probabilities), abs=1e-4)
    assert statistics["average_churn_probability"] == pytest.approx(sum(probabilities) / len(MEMBERS), abs=1e-6)
    risks = Counter(one["churn_risk"] for one in single.values())
    assert statistics["risk_distribution"] == {risk: risks[risk] for risk in ("low", "medium", "high")}
    assert answer["results"] == [single[customer] for customer in sorted(MEMBERS)[:3]]
    assert (answer["source"], answer["model_version"]) == ("scored now", service.models().version)


def test_offers_scored_on_the_fly(service: MLInferenceService):
    single = service.predict_nbo_many(MEMBERS)
    offers = Counter(one["recommended_offer"] for one in single.values())
    answer = service.predict_segment("rich", "nbo")
    found = {one["offer_id"]: one["customers"] for one in answer["statistics"]["offer_distribution"]}
    assert found == offers
    confidence = sum(one["confidence"] for one in single.values()) / len(MEMBERS)
    assert answer["statistics"]["average_confidence"] == pytest.approx(confidence, abs=1e-6)
    assert len(answer["results"]) == 10


def test_rfm(service: MLInferenceService):
    single = service.calculate_rfm_many(MEMBERS)
    answer = service.predict_segment("rich", "rfm", first=1)
    segments = Counter(one["segment"] for one in single.values())
    assert answer["statistics"]["segment_distribution"] == segments
    recency = sum(one["recency"] for one in single.values()) / len(MEMBERS)
    assert answer["statistics"]["average_recency"] == pytest.approx(recency, abs=1e-6)
    assert answer["processed"] == len(MEMBERS)


@pytest.mark.parametrize("kind", ["churn", "nbo"])
def test_kept_predictions_say_the_same(service: MLInferenceService, warehouse: Warehouse, kind: str):
    on_the_fly = service.predict_segment("rich", kind)
    score_base(warehouse, service.models())
    stored = service.predict_segment("rich", kind)
    assert stored.pop("source") == "predictions"
    assert on_the_fly.pop("source") == "scored now"
    del stored["scored_at"], on_the_fly["scored_at"]
    statistics = stored.pop("statistics"), on_the_fly.pop("statistics")
    assert stored == on_the_fly
    assert str(statistics[0])[:40] == str(statistics[1])[:40]


def test_predictions_of_another_version_are_not_taken(
    service: MLInferenceService, warehouse: Warehouse, settings: Settings
):
    score_base(warehouse, service.models())
    activate(settings.models_dir, write_bundle(settings.models_dir, other_parts()), by="test")
    answer = service.predict_segment("rich", "churn", first=1)
    assert (answer["source"], answer["model_version"]) == ("scored now", service.models().version)
    assert answer["results"] == list(service.predict_churn_many(sorted(MEMBERS)[:1]).values())


def test_customers_without_an_answer_are_counted_as_failed(service: MLInferenceService, warehouse: Warehouse):
    file = warehouse.url.database
    warehouse.close()
    with duckdb.connect(str(file)) as connection:
        connection.execute("UPDATE customer_features_view SET avg_transaction_value = 1e35 WHERE customer_id = 'c200'")
    answer = service.predict_segment("rich", "churn", first=0)
    assert (answer["total_customers"], answer["processed"], answer["failed"]) == (len(MEMBERS), len(MEMBERS) - 1, 1)
    assert answer["failures"] == {"avg_transaction_value holds a number beyond 1e+30.": 1}
    assert sum(answer["statistics"]["risk_distribution"].values()) == len(MEMBERS) - 1


def test_without_a_model_nothing_is_made_up(service: MLInferenceService, settings: Settings):
    activate(settings.models_dir, write_bundle(settings.models_dir, without_nbo()), by="test")
    with pytest.raises(ModelNotFound, match="nbo"):
        service.predict_segment("rich", "nbo", first=0)
    assert service.predict_segment("rich", "rfm")["processed"] == len(MEMBERS)


def test_a_customer_who_came_after_the_scoring_is_scored_with_the_others(
    service: MLInferenceService, warehouse: Warehouse
):
    score_base(warehouse, service.models())
    file = warehouse.url.database
    warehouse.close()
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "INSERT INTO customer_features_view SELECT * REPLACE ('new' AS customer_id) "
            "FROM customer_features_view WHERE customer_id = 'c200'"
        )
    answer = service.predict_segment("rich", "churn", first=0)
    assert (answer["processed"], answer["failed"]) == (len(MEMBERS) + 1, 0)


def test_a_member_without_a_prediction_has_failed(service: MLInferenceService, warehouse: Warehouse):
    score_base(warehouse, service.models())
    file = predictions_file(warehouse.settings, warehouse.dialect.file_of(warehouse.url)).resolve()
    written = pq.read_table(file)
    pq.write_table(written.filter(pc.field("customer_id") != "c200"), file)
    answer = service.predict_segment("rich", "churn", first=0)
    assert (answer["processed"], answer["failed"]) == (len(MEMBERS) - 1, 1)
    assert answer["failures"] == {"The last scoring run has no churn prediction.": 1}


def test_an_empty_segment(service: MLInferenceService, warehouse: Warehouse, settings: Settings):
    engine = SegmentationEngine(warehouse, SegmentRepository(StateStore(settings.state_database_url)))
    engine.create(SegmentDraft("Nobody", {"<": [{"var": "total_revenue"}, -1]}), actor="ann")
    for kind in ("churn", "nbo", "rfm"):
        answer = service.predict_segment("nobody", kind)
        assert (answer["total_customers"], answer["failed"], answer["results"]) == (0, 0, [])


def test_unknown_names_are_reported(service: MLInferenceService):
    with pytest.raises(SegmentNotFound):
        service.predict_segment("nowhere", "churn")
    with pytest.raises(UnknownPrediction, match="clv"):
        service.predict_segment("rich", "clv")
