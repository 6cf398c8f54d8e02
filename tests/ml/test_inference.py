import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import sqlalchemy as sa

from loyalty_core.errors import CustomerNotFound
from loyalty_core.ml.bundles import BundleError, activate, load_bundle, read_active, write_bundle
from loyalty_core.ml.features import FeatureCountMismatch
from loyalty_core.ml.inference import MLInferenceService
from loyalty_core.settings import DEFAULT_FEATURE_MAPPING, Settings
from loyalty_core.warehouse import FeatureStore, Warehouse
from loyalty_core.warehouse.mapping import MappingError
from tests.ml.fixtures import GUIDE_CUSTOMER, MEDIANS, make_warehouse, other_parts, without_nbo

ROOT = Path(__file__).parents[2]


def _changed(settings: Settings, **values: Any) -> Settings:
    return Settings(**(settings.model_dump() | values))


def _features(**changes: float) -> np.ndarray:
    return np.array([list((MEDIANS | changes).values())], dtype=np.float32)


def test_next_best_offer_is_the_guides_dict(service):
    nbo = service.predict_nbo(customer_id=GUIDE_CUSTOMER)

    assert list(nbo) == ["customer_id", "recommended_offer", "confidence", "all_offers"]
    assert nbo["customer_id"] == GUIDE_CUSTOMER
    assert [list(offer) for offer in nbo["all_offers"]] == [["offer_id", "score"]] * 8
    assert [offer["offer_id"] for offer in nbo["all_offers"]] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert {type(offer["offer_id"]) for offer in nbo["all_offers"]} == {int}
    assert {type(offer["score"]) for offer in nbo["all_offers"]} == {float}
    assert (type(nbo["recommended_offer"]), type(nbo["confidence"])) == (int, float)
    best = max(nbo["all_offers"], key=lambda offer: offer["score"])
    assert (nbo["recommended_offer"], nbo["confidence"]) == (best["offer_id"], best["score"])
    assert sum(offer["score"] for offer in nbo["all_offers"]) == pytest.approx(1, abs=4e-6)


def test_churn_is_the_guides_dict(service):
    churn = service.predict_churn(customer_id=GUIDE_CUSTOMER)

    assert list(churn) == ["customer_id", "churn_probability", "churn_risk", "recommendations"]
    assert churn["customer_id"] == GUIDE_CUSTOMER
    assert type(churn["churn_probability"]) is float
    assert 0 <= churn["churn_probability"] <= 1
    assert churn["churn_risk"] in {"low", "medium", "high"}
    assert len(churn["recommendations"]) == 2
    assert {type(text) for text in churn["recommendations"]} == {str}


def test_rfm_is_the_guides_dict(service):
    rfm = service.calculate_rfm(customer_id=GUIDE_CUSTOMER)

    assert list(rfm) == ["customer_id", "recency", "frequency", "monetary", "segment"]
    assert rfm == {
        "customer_id": GUIDE_CUSTOMER,
        "recency": 5,  # bought today
        "frequency": 1,
        "monetary": 1,
        "segment": "New",
    }
    assert {type(rfm[name]) for name in ("recency", "frequency", "monetary")} == {int}


def test_answers_are_plain_json(service):
    answers = [
        service.predict_nbo(GUIDE_CUSTOMER),
        service.predict_churn(GUIDE_CUSTOMER),
        service.calculate_rfm(GUIDE_CUSTOMER),
    ]

    assert json.loads(json.dumps(answers)) == answers


def test_the_model_sees_the_customers_own_scaled_features(service, models_dir):
    expected = load_bundle(models_dir)
    features = _features(
        revenue=100 + 7.31 * 7,
        transaction_count=1 + 49 % 40,
        days_since_last=91,
        avg_transaction_value=27,
        lifetime_value=277,
    )

    churn, nbo = service.predict_churn("c7"), service.predict_nbo("c7")

    assert churn["churn_probability"] == pytest.approx(float(expected.scores("churn", features)[0, 0]), abs=1e-6)
    scores = [offer["score"] for offer in nbo["all_offers"]]
    assert scores == pytest.approx(expected.scores("nbo", features)[0].tolist(), abs=1e-6)


def test_customers_differ(service):
    probabilities = {service.predict_churn(f"c{number}")["churn_probability"] for number in range(1, 60)}
    offers = {service.predict_nbo(f"c{number}")["recommended_offer"] for number in range(1, 60)}

    assert len(probabilities) > 50
    assert len(offers) > 1


@pytest.mark.parametrize("customer_id", ["nobody", "", None, 12, uuid.uuid4(), "c7'; --", "x" * 5_000])
def test_an_unknown_customer_is_an_error_never_a_score(service, customer_id):
    for predict in (service.predict_churn, service.predict_nbo, service.calculate_rfm, service.predict_customer):
        with pytest.raises(CustomerNotFound):
            predict(customer_id)


def test_without_models_the_file_is_named_with_the_remedy(settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where there are no models, as there may be in the folder of the tests
    service = MLInferenceService(_changed(settings, models_dir="models"))

    with pytest.raises(FileNotFoundError) as caught:
        service.predict_nbo(GUIDE_CUSTOMER)
    assert str(caught.value) == "models/nbo.tflite does not exist. Train the models: loyalty train"
    with pytest.raises(FileNotFoundError, match=r"^models/"):
        service.predict_churn(GUIDE_CUSTOMER)
    assert service.calculate_rfm(GUIDE_CUSTOMER)["segment"] == "New"
    assert service.status().version is None


def test_a_bundle_without_offers_still_predicts_churn(service, models_dir):
    activate(models_dir, write_bundle(models_dir, without_nbo()), by="test")

    assert service.predict_churn("c7")["churn_risk"]
    with pytest.raises(FileNotFoundError, match=r"models/nbo\.tflite"):
        service.predict_nbo("c7")
    predictions = service.predict_customer("c7")
    assert predictions.nbo is None
    assert list(predictions.unavailable) == ["nbo"]
    assert predictions.churn == service.predict_churn("c7")


def test_a_mapped_column_that_is_missing_is_named_with_the_nearest(settings, models_dir, tmp_path):
    make_warehouse(tmp_path / "other.duckdb", rename={"avg_transaction_value": "average_transaction_value"})
    service = MLInferenceService(_changed(settings, dwh_url=f"duckdb:///{tmp_path}/other.duckdb"))

    with pytest.raises(MappingError, match=r"avg_transaction_value; nearest: average_transaction_value"):
        service.predict_churn(GUIDE_CUSTOMER)


def test_another_input_size_is_a_feature_count_mismatch(settings, models_dir):
    service = MLInferenceService(_changed(settings, ml_model_input_size=6))

    with pytest.raises(ValueError, match=r"^Feature count mismatch: ML_MODEL_INPUT_SIZE is 6, .* has 5"):
        service.predict_churn(GUIDE_CUSTOMER)


@pytest.mark.parametrize(
    "mapping",
    [
        DEFAULT_FEATURE_MAPPING | {"membership": "is_member"},
        {name: column for name, column in DEFAULT_FEATURE_MAPPING.items() if name != "revenue"},
        {name: column for name, column in DEFAULT_FEATURE_MAPPING.items() if name != "revenue"}
        | {"member": "is_member"},
    ],
)
def test_models_trained_on_other_features_are_a_feature_count_mismatch(settings, models_dir, mapping):
    changed = _changed(settings, ml_feature_mapping=mapping, ml_model_input_size=len(mapping))
    service = MLInferenceService(changed)

    with pytest.raises(FeatureCountMismatch, match=r"^Feature count mismatch: the models were trained on 5 features"):
        service.predict_nbo(GUIDE_CUSTOMER)


def test_the_order_of_the_mapping_does_not_matter(settings, service, models_dir):
    reverse = dict(reversed(DEFAULT_FEATURE_MAPPING.items()))

    assert MLInferenceService(_changed(settings, ml_feature_mapping=reverse)).predict_churn("c7") == (
        service.predict_churn("c7")
    )


def test_a_blank_takes_the_training_median_and_is_reported(service, models_dir):
    predictions = service.predict_customer("c298")

    assert set(predictions.blanks) == {"revenue", "lifetime_value"}
    filled = {driver.feature: (driver.value, driver.filled_with) for driver in predictions.churn_drivers.features}
    assert filled["revenue"] == (None, MEDIANS["revenue"])
    assert filled["transaction_count"] == (7, None)
    features = _features(transaction_count=7, days_since_last=74, avg_transaction_value=68)
    expected = load_bundle(models_dir).scores("churn", features)[0, 0]
    assert predictions.churn["churn_probability"] == pytest.approx(float(expected), abs=1e-6)


def test_nan_is_blank_too(service):
    assert service.predict_customer("c299").blanks == ("avg_transaction_value",)
    assert service.predict_customer("c297").blanks == ()


def test_one_customer_with_everything_behind_it(service, models_dir):
    predictions = service.predict_customer(GUIDE_CUSTOMER)

    assert predictions.customer_id == GUIDE_CUSTOMER
    assert predictions.model_version == read_active(models_dir).version
    assert predictions.is_mock is False
    assert predictions.unavailable == {}
    assert predictions.churn == service.predict_churn(GUIDE_CUSTOMER)
    assert predictions.nbo == service.predict_nbo(GUIDE_CUSTOMER)
    assert predictions.rfm == service.calculate_rfm(GUIDE_CUSTOMER)
    for drivers, probability in (
        (predictions.churn_drivers, predictions.churn["churn_probability"]),
        (predictions.offer_drivers, predictions.nbo["confidence"]),
    ):
        assert drivers.prediction == pytest.approx(probability, abs=1e-6)
        moved = sum(driver.contribution for driver in drivers.features) / 100
        assert moved == pytest.approx(drivers.prediction - drivers.base, abs=1e-12)
        strengths = [abs(driver.contribution) for driver in drivers.features]
        assert strengths == sorted(strengths, reverse=True)
        assert {driver.label for driver in drivers.features} >= {"Revenue", "Days since last"}


def test_every_offer_has_drivers_of_its_own(service):
    nbo = service.predict_nbo(GUIDE_CUSTOMER)
    for offer in nbo["all_offers"]:
        drivers = service.offer_drivers(GUIDE_CUSTOMER, offer["offer_id"])
        assert drivers.prediction == pytest.approx(offer["score"], abs=1e-6)
        moved = sum(driver.contribution for driver in drivers.features) / 100
        assert moved == pytest.approx(drivers.prediction - drivers.base, abs=1e-12)
    best = service.offer_drivers(GUIDE_CUSTOMER, nbo["recommended_offer"])
    assert best == service.predict_customer(GUIDE_CUSTOMER).offer_drivers
    with pytest.raises(ValueError):
        service.offer_drivers(GUIDE_CUSTOMER, 99)


def test_mean_drivers_name_every_feature_strongest_first(service):
    of_training, of_few = service.mean_drivers("churn"), service.mean_drivers("nbo", ["c1", "c2", "nobody"])

    for means in (of_training, of_few):
        assert set(means) == set(MEDIANS)
        assert list(means.values()) == sorted(means.values(), reverse=True)
        assert min(means.values()) >= 0
        assert max(means.values()) > 0.1


def test_many_are_answered_as_one_by_one(service):
    ids = [GUIDE_CUSTOMER, "c5", "nobody", "c298", "c299"]
    known = [GUIDE_CUSTOMER, "c5", "c298", "c299"]

    assert service.predict_churn_many(ids) == {one: service.predict_churn(one) for one in known}
    assert service.predict_nbo_many(ids) == {one: service.predict_nbo(one) for one in known}
    assert service.calculate_rfm_many(ids) == {one: service.calculate_rfm(one) for one in known}
    assert service.predict_churn_many([]) == service.predict_nbo_many([]) == {}


def test_an_arrow_batch_is_answered_as_one_by_one(service, settings):
    warehouse = Warehouse(settings)
    table = warehouse.fetch_arrow(sa.select(warehouse.features))

    scores = service.score_batch(table)

    ids = table["customer_id"].to_pylist()
    assert scores.churn.shape == (300,)
    assert scores.offers.shape == (300, 8)
    assert scores.blanks.sum() == 3
    one_by_one = service.predict_churn_many(ids)
    expected = [one_by_one[customer_id]["churn_probability"] for customer_id in ids]
    np.testing.assert_allclose(scores.churn, expected, atol=1e-6)


def test_risk_follows_the_settings_alone(settings, models_dir, service):
    probability = service.predict_churn("c7")["churn_probability"]

    for medium, high, risk in ((0.001, 0.002, "high"), (0.001, 0.999, "medium"), (0.998, 0.999, "low")):
        changed = _changed(settings, ml_churn_medium_threshold=medium, ml_churn_high_threshold=high)
        churn = MLInferenceService(changed).predict_churn("c7")
        assert (churn["churn_probability"], churn["churn_risk"]) == (probability, risk)


def test_a_new_bundle_serves_with_the_next_call(service, models_dir):
    before = service.predict_churn("c7")

    version = write_bundle(models_dir, other_parts())
    activate(models_dir, version, by="test")

    assert service.predict_churn("c7") != before
    assert service.status().version == version


def test_a_refused_bundle_leaves_answers_as_they_were(service, models_dir):
    before = service.predict_nbo("c7")
    version = write_bundle(models_dir, other_parts())
    activate(models_dir, version, by="test")
    (models_dir / "versions" / version / "nbo.tflite").write_bytes(b"junk")

    assert service.predict_nbo("c7") == before
    assert isinstance(service.status().refusal, BundleError)


def test_without_columns_for_rfm_churn_is_still_answered(settings, models_dir, tmp_path):
    mapping = DEFAULT_FEATURE_MAPPING | {"revenue": "label"}
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("ALTER TABLE customer_features_view ADD COLUMN label VARCHAR")
    service = MLInferenceService(_changed(settings, ml_feature_mapping=mapping))

    predictions = service.predict_customer("c7")

    assert list(predictions.unavailable) == ["rfm"]
    assert predictions.churn["recommendations"]
    assert predictions.blanks == ("revenue",)


def test_features_in_the_cache_are_enough(settings, models_dir):
    warehouse = Warehouse(settings)
    store = FeatureStore(warehouse)
    service = MLInferenceService(warehouse=warehouse, feature_store=store)
    first = service.predict_nbo("c7")

    hits = store.health().hits
    assert service.predict_nbo("c7") == first
    assert store.health().hits == hits + 1


GUIDE = f"""
import gc, json
from loyalty_core.ml.inference import MLInferenceService
from loyalty_core.warehouse import Warehouse

ml_service = MLInferenceService()
nbo = ml_service.predict_nbo(customer_id='{GUIDE_CUSTOMER}')
churn = ml_service.predict_churn(customer_id='{GUIDE_CUSTOMER}')
rfm = ml_service.calculate_rfm(customer_id='{GUIDE_CUSTOMER}')
print(json.dumps([nbo, churn, rfm]))
MLInferenceService()
assert sum(isinstance(one, Warehouse) for one in gc.get_objects()) == 1  # shared by all services
"""


def _run_in(folder: Path, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_guides_lines_work_in_a_project_folder(service, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "warehouse.duckdb").rename(tmp_path / "data" / "warehouse.duckdb")

    run = _run_in(tmp_path, GUIDE)

    assert run.returncode == 0, run.stderr
    nbo, churn, rfm = json.loads(run.stdout)
    assert len(nbo["all_offers"]) == 8
    assert churn["customer_id"] == rfm["customer_id"] == GUIDE_CUSTOMER


MOCK = (
    GUIDE
    + """
import sys
print(json.dumps(sorted({"ai_edge_litert", "tensorflow", "keras", "sklearn"} & set(sys.modules))))
"""
)


def test_mock_mode_needs_no_model_file_and_loads_no_model_library(settings, tmp_path):
    url = settings.dwh_url
    run = _run_in(tmp_path, MOCK, ML_MOCK_MODE="true", DWH_URL=url, MODELS_DIR=str(tmp_path / "none"))

    assert run.returncode == 0, run.stderr
    answers, modules = (json.loads(line) for line in run.stdout.splitlines())
    assert modules == []
    assert [offer["offer_id"] for offer in answers[0]["all_offers"]] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_mock_answers_have_the_same_shape_and_say_mock(settings, service):
    mock = MLInferenceService(_changed(settings, ml_mock_mode=True))

    for name in ("predict_nbo", "predict_churn", "calculate_rfm"):
        real, made_up = getattr(service, name)("c7"), getattr(mock, name)("c7")
        assert [(key, type(value)) for key, value in real.items()] == [
            (key, type(value)) for key, value in made_up.items()
        ]
    predictions = mock.predict_customer("c298")
    assert (predictions.model_version, predictions.is_mock) == ("mock", True)
    assert set(predictions.blanks) == {"revenue", "lifetime_value"}
    assert predictions.churn_drivers.features[0].contribution != 0
    assert (mock.status().version, mock.status().is_mock) == ("mock", True)


def test_mock_answers_are_the_same_every_time_and_differ_between_customers(settings):
    first, second = (MLInferenceService(_changed(settings, ml_mock_mode=True)) for _ in range(2))
    ids = [f"c{number}" for number in range(1, 200)]

    answers = first.predict_churn_many(ids)
    assert answers == second.predict_churn_many(ids)
    assert len({answer["churn_probability"] for answer in answers.values()}) > 150
    assert {answer["churn_risk"] for answer in answers.values()} == {"low", "medium", "high"}
    assert len({answer["recommended_offer"] for answer in first.predict_nbo_many(ids).values()}) > 2
