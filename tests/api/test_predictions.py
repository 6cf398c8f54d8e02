"""The three prediction calls: the answers of the service, and errors in their documented shape."""

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from loyalty_core.access import Action
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import get_services
from tests.fixtures.api import Ask, error_of
from tests.workbench import GUIDE_CUSTOMER, Configure

CALLS = {"nbo": "predict_nbo", "churn": "predict_churn", "rfm": "calculate_rfm"}


@pytest.mark.parametrize(("kind", "method"), CALLS.items())
def test_the_answer_is_the_one_of_the_service(trained: str, ask: Ask, kind: str, method: str):
    answer = ask(f"/dwh/ml/{kind}/", "POST", {"customer_id": GUIDE_CUSTOMER})
    expected = getattr(get_services().inference, method)(customer_id=GUIDE_CUSTOMER)
    assert answer.status_code == 200
    assert list(answer.json().items())[: len(expected)] == list(expected.items())


@pytest.mark.parametrize("kind", CALLS)
def test_mock_mode_answers_without_models(demo_settings: Configure, ask: Ask, kind: str):
    demo_settings(ml_mock_mode=True)
    answer = ask(f"/dwh/ml/{kind}/", "POST", {"customer_id": GUIDE_CUSTOMER})
    assert (answer.status_code, answer.json()["customer_id"]) == (200, GUIDE_CUSTOMER)


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("is_mock", [True, False])
@pytest.mark.parametrize("named", [{"customer_id": GUIDE_CUSTOMER}, {"customer_ids": [GUIDE_CUSTOMER, "nobody"]}])
def test_a_request_that_is_answered_at_once_gets_the_answer_of_one_that_is_not(
    trained: str, demo_settings: Configure, ask: Ask, kind: str, is_mock: bool, named: dict[str, object]
):
    demo_settings(ml_mock_mode=is_mock)
    at_once, checked = (
        ask(f"/dwh/ml/{kind}/", "POST", named, headers={"content-type": content_type})
        for content_type in ("application/json", "application/json; charset=utf-8")
    )
    assert at_once.status_code == 200
    assert (at_once.content, at_once.headers) == (checked.content, checked.headers)


def test_answering_at_once_skips_only_the_dependencies_that_it_stands_in_for(api: FastAPI):
    routes = {route.path: route for route in iter_route_contexts(api.routes)}
    for kind in CALLS:
        dependencies = [depends.dependency for depends in routes[f"/dwh/ml/{kind}/"].dependencies]
        names = {getattr(dependency, "__name__", "") for dependency in dependencies}
        assert names == {"check", "mark_mock_mode", "refuse_unacceptable", "refuse_unknown_parameters"}
        assert [check.action for check in dependencies if hasattr(check, "action")] == [Action.VIEW]


@pytest.mark.parametrize("kind", CALLS)
def test_an_unknown_customer(trained: str, ask: Ask, kind: str):
    status, code, _ = error_of(ask(f"/dwh/ml/{kind}/", "POST", {"customer_id": "nobody"}))
    assert (status, code) == (404, "customer_not_found")


def test_a_model_that_is_not_registered(trained: str, ask: Ask):
    status, code, detail = error_of(ask("/dwh/ml/upsell/", "POST", {"customer_id": GUIDE_CUSTOMER}))
    assert (status, code) == (404, "unknown_model")
    assert "Known models: churn, churn_timing, nbo, uptake, uplift." in detail


@pytest.mark.parametrize("kind", ["nbo", "churn"])
def test_before_the_first_training_the_guides_remedy(demo_settings: Configure, ask: Ask, kind: str):
    status, code, detail = error_of(ask(f"/dwh/ml/{kind}/", "POST", {"customer_id": GUIDE_CUSTOMER}))
    assert (status, code) == (503, "model_not_found")
    assert "models/nbo.tflite" in detail
    assert "loyalty train" in detail


@pytest.mark.parametrize(
    "body", [{}, {"customer_id": ""}, {"customer_id": None}, {"customer_id": "x" * 256}, [1], None]
)
def test_a_body_that_names_no_customer(demo_settings: Configure, ask: Ask, body: object):
    status, code, _ = error_of(ask("/dwh/ml/churn/", "POST", body))
    assert (status, code) == (422, "bad_request")


@pytest.mark.parametrize("kind", CALLS)
def test_a_segment(trained: str, ask: Ask, kind: str):
    services = get_services()
    services.segmentation.create(SegmentDraft("Rich", {">": [{"var": "total_revenue"}, 1000]}), actor="ann")
    answer = ask(f"/dwh/ml/segment/{kind}/", "POST", {"segment_id": "rich", "first": 2})
    assert answer.status_code == 200
    expected = services.inference.predict_segment("rich", kind, first=2)
    found = answer.json()
    assert {**found, "scored_at": ""} == {**expected, "scored_at": ""}
    assert found["total_customers"] == services.segmentation.count({">": [{"var": "total_revenue"}, 1000]}) > 0


def test_a_segment_that_is_not_there(trained: str, ask: Ask):
    status, code, _ = error_of(ask("/dwh/ml/segment/churn/", "POST", {"segment_id": "nowhere"}))
    assert (status, code) == (404, "segment_not_found")
    assert error_of(ask("/dwh/ml/segment/clv/", "POST", {"segment_id": "nowhere"}))[:2] == (422, "bad_request")
