"""The Predictions tab of the customer page: the service's own answers, with what moves them."""

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from loyalty_core.rfm.cells import segment_details
from loyalty_core.services import get_services
from loyalty_core.ui.navigation import CUSTOMERS
from tests.fixtures.screens import OpenScreen, texts_of
from tests.segments.scored import predictions_file
from tests.workbench import GUIDE_CUSTOMER, Configure, Query

__all__ = ["predictions_file"]


def metrics_of(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_predictions_of_the_active_version(trained: str, open_screen: OpenScreen, query_demo: Query):
    app = open_screen(CUSTOMERS, customer_id=GUIDE_CUSTOMER)
    service = get_services().inference
    churn, nbo = service.predict_churn(customer_id=GUIDE_CUSTOMER), service.predict_nbo(customer_id=GUIDE_CUSTOMER)
    rfm = service.calculate_rfm(customer_id=GUIDE_CUSTOMER)
    [(offer,)] = query_demo("SELECT name FROM offers WHERE offer_id = ?", nbo["recommended_offer"])
    shown = metrics_of(app)
    assert shown["Churn probability"] == f"{churn['churn_probability']:.1%}"
    assert shown["Best offer"] == offer
    assert shown["Segment"] == rfm["segment"]
    texts = " ".join(texts_of(app))
    assert f"Model version {trained}" in texts
    assert segment_details(rfm["segment"]).advice in texts
    assert "Mock predictions" not in texts


def test_how_soon_a_customer_is_likely_to_leave(trained: str, open_screen: OpenScreen, monkeypatch: pytest.MonkeyPatch):
    service = get_services().inference
    predicted = service.predict_customer(GUIDE_CUSTOMER)
    soon = {"churn_within_30_days": 0.12, "churn_within_60_days": 0.2131, "churn_within_90_days": 0.301}
    known = replace(predicted, answers={**predicted.answers, "churn_timing": soon})
    monkeypatch.setattr(type(service), "predict_customer", lambda *_: known)
    shown = " ".join(texts_of(open_screen(CUSTOMERS, customer_id=GUIDE_CUSTOMER)))
    assert "Likely to leave within 30 days 12.0%, 60 days 21.3%, 90 days 30.1%" in shown


def test_scores_that_the_other_screens_still_show_are_said(
    trained: str, predictions_file: Path, demo_settings: Configure, open_screen: OpenScreen
):
    demo_settings(predictions_file=predictions_file)
    app = open_screen(CUSTOMERS, customer_id=GUIDE_CUSTOMER)
    [notice] = [text for text in texts_of(app) if "until you score again" in text]
    assert f"They come from mock predictions, and model version {trained} is active." in notice
    assert app.button(key="score-now-start").label == "Score now"


def test_the_drivers_name_the_average_they_start_from(trained: str, open_screen: OpenScreen):
    app = open_screen(CUSTOMERS, customer_id=GUIDE_CUSTOMER)
    drivers = get_services().inference.predict_customer(GUIDE_CUSTOMER).drivers["churn"]
    said = f"What moves it away from {drivers.base:.1%}, the average of a sample of the training rows"
    assert any(text.startswith(said) for text in texts_of(app))


def test_mock_mode_says_so(demo_settings: Configure, open_screen: OpenScreen):
    demo_settings(ml_mock_mode=True)
    app = open_screen(CUSTOMERS, customer_id=GUIDE_CUSTOMER)
    expected = get_services().inference.predict_churn(customer_id=GUIDE_CUSTOMER)["churn_probability"]
    assert metrics_of(app)["Churn probability"] == f"{expected:.1%}"
    assert any("Mock predictions" in text for text in texts_of(app))


def test_before_the_first_training_rfm_is_there_and_the_rest_says_how(
    demo_settings: Configure, open_screen: OpenScreen
):
    app = open_screen(CUSTOMERS, customer_id=GUIDE_CUSTOMER)
    shown = metrics_of(app)
    assert "Segment" in shown
    assert "Churn probability" not in shown
    assert any("loyalty train" in info.value for info in app.info)
