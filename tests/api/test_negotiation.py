"""The Accept header: what a route cannot answer with is refused, in the shape of all errors."""

import pytest

from tests.fixtures.api import Ask, error_of
from tests.workbench import GUIDE_CUSTOMER

ONE = {"customer_id": GUIDE_CUSTOMER}


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/health/live/", "*/*"),
        ("/health/live/", "application/*"),
        ("/health/live/", "text/html, application/json;q=0.1"),
        ("/health/live/", "text/html, image/gif, *; q=.2"),
        ("/health/live/", "APPLICATION/JSON"),
        ("/health/live/", ""),
        ("/health/live/", "text/html, */*;q=x"),
        ("/metrics/", "application/openmetrics-text;version=1.0.0, text/plain;version=0.0.4;q=0.3"),
        ("/docs/", "text/html"),
        ("/openapi.json", "application/json"),
    ],
)
def test_what_a_route_answers_with_is_accepted(demo_settings: object, ask: Ask, path: str, accept: str):
    assert ask(path, headers={"accept": accept}).status_code == 200


@pytest.mark.parametrize(
    ("path", "accept", "offered"),
    [
        ("/health/live/", "text/html", "application/json"),
        ("/health/live/", "application/xml, text/*", "application/json"),
        ("/health/live/", "*/*, application/json;q=0", "application/json"),
        ("/health/live/", "application/*;q=0.0", "application/json"),
        ("/metrics/", "application/json", "text/plain"),
        ("/jobs/1/events/", "application/json", "text/event-stream"),
        ("/segments/vip/members/export/", "application/json", "text/csv or application/vnd.apache.parquet"),
    ],
)
def test_other_types_are_refused(demo_settings: object, ask: Ask, path: str, accept: str, offered: str):
    answer = ask(path, headers={"accept": accept})
    detail = f"The Accept header excludes {offered}, which this route answers with: accept it, or */*."
    assert error_of(answer) == (406, "not_acceptable", detail)


def test_predictions_are_refused_too(trained: str, ask: Ask):
    assert ask("/dwh/ml/churn/", "POST", ONE, {"accept": "application/json"}).status_code == 200
    assert error_of(ask("/dwh/ml/churn/", "POST", ONE, {"accept": "text/html"}))[:2] == (406, "not_acceptable")


def test_an_answer_without_content_has_no_type(demo_settings: object, ask: Ask):
    ask("/segments/", "POST", {"name": "New", "rule": {}})
    assert ask("/segments/new/", "DELETE", headers={"accept": "text/html"}).status_code == 204
