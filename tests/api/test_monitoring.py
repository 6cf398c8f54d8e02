"""The monitoring call: all of it in JSON, also before a training and in mock mode."""

from loyalty_core.ml.scoring import score_base
from loyalty_core.services import get_services
from tests.fixtures.api import Ask, error_of
from tests.workbench import DEMO_CUSTOMERS, Configure, activate_with


def test_before_a_scoring(watched: str, ask: Ask):
    answer = ask("/dwh/ml/monitoring/")
    found = answer.json()
    assert (answer.status_code, found["version"], found["scores"]) == (200, watched, [])
    assert (found["retraining"]["when"], found["alarms"], found["no_drift"]) == ("not yet", [], None)
    assert found["retraining"]["sentence"].startswith("No need to retrain yet: no feature has moved")
    assert [one["feature"] for one in found["drift"]] == [
        "revenue", "transaction_count", "days_since_last", "avg_transaction_value", "lifetime_value",
    ]  # fmt: skip
    assert {model: verdict["is_worse"] for model, verdict in found["outcomes"].items()} == {
        "churn": False,
        "nbo": False,
    }
    first = found["drift"][0]
    assert (first["psi"], first["state"], first["then"]["customers"]) == (0, "stable", DEMO_CUSTOMERS)
    assert len(first["bins"]) == len(first["now"]["shares"])
    assert set(first["psi_against_training_rows"]) == {"churn", "nbo"}


def test_a_model_that_got_worse_is_a_reason(demo_settings: Configure, ask: Ask):
    activate_with(first="2026-03-01", validation_from="2026-06-01", test_from="2026-07-01", last="2026-07-01")
    found = ask("/dwh/ml/monitoring/").json()
    assert found["outcomes"]["churn"]["sentence"].startswith("The churn model has got worse")
    reasons = [reason["kind"] for reason in found["retraining"]["reasons"]]
    assert (found["retraining"]["when"], "degradation" in reasons) == ("now", True)


def test_runs_are_compared(watched: str, demo_settings: Configure, ask: Ask):
    demo_settings(predictions_file="predictions.parquet")
    services = get_services()
    for _ in range(2):
        score_base(services.warehouse, services.inference.models())
    newest, oldest = ask("/dwh/ml/monitoring/").json()["scores"]
    assert newest["scored_at"] > oldest["scored_at"]
    assert newest["versions"] == {watched: DEMO_CUSTOMERS}
    assert (newest["churn"], newest["offers"], newest["cause"]) == (
        {"psi": 0.0, "state": "stable"}, {"psi": 0.0, "state": "stable"}, "customers",
    )  # fmt: skip
    assert (oldest["churn"], oldest["cause"]) == (None, None)
    assert sum(newest["risk_shares"].values()) == 1
    assert 0 < newest["mean_churn_probability"] < 1


def test_mock_mode_is_reported(watched: str, demo_settings: Configure, ask: Ask):
    demo_settings(ml_mock_mode=True, predictions_file="predictions.parquet")
    services = get_services()
    score_base(services.warehouse, services.inference.models())
    answer = ask("/dwh/ml/monitoring/")
    assert (answer.headers["X-Loyalty-Mode"], answer.json()["made_up"]) == ("mock", True)


def test_before_the_first_training(demo_settings: Configure, ask: Ask):
    status, code, _ = error_of(ask("/dwh/ml/monitoring/"))
    assert (status, code) == (503, "model_not_found")
