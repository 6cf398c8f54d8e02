"""Every request: its id, its line in the log, and what the metrics count of it."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from loyalty_core.api import Instrumentation
from loyalty_core.services import Services, get_services
from tests.fixtures.logs import ReadLog
from tests.workbench import API, GUIDE_CUSTOMER, Configure

Call = Callable[..., httpx.Response]


@pytest.fixture
def call(api: FastAPI, demo_settings: Configure) -> Call:
    """Requests to screens and API, served together as in serve.py."""
    demo_settings(ml_mock_mode=True)

    async def page(_: Any) -> PlainTextResponse:
        return PlainTextResponse("page")

    app = Starlette(
        routes=[Mount(API, app=api), Route("/{page}", page)],
        middleware=[Middleware(Instrumentation, api_root=API)],
    )

    async def send(method: str, path: str, **options: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            return await client.request(method, path, **options)

    return lambda method, path, **options: asyncio.run(send(method, path, **options))


def of_requests(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event["logger"] == "loyalty_core.requests"]


def test_a_request_is_one_line_without_personal_data(call: Call, json_log: ReadLog) -> None:
    call("GET", f"{API}/dwh/customers/?q=ann%40shop.example")
    [line] = of_requests(json_log())
    assert "shop" not in str(line)
    answer = call("GET", f"{API}/dwh/customers/{GUIDE_CUSTOMER}/")
    [line] = of_requests(json_log())
    assert line.pop("duration_ms") > 0
    assert line.pop("timestamp")
    assert line == {
        "event": "request",
        "logger": "loyalty_core.requests",
        "level": "info",
        "method": "GET",
        "route": "/dwh/customers/{customer_id}/",
        "status": 200,
        "viewer": line["viewer"],
        "request_id": answer.headers["X-Request-ID"],
    }


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/segments/rich/customers/anna/", "/segments/{segment_id}/customers/{customer_id}/"),
        ("/exports/7/", "/exports/{job_id}/"),
        ("/nobody/anna/", "unknown"),
    ],
)
def test_routes_are_named_as_the_description_of_the_api_names_them(
    call: Call, json_log: ReadLog, path: str, route: str
) -> None:
    call("GET", API + path)
    assert [line["route"] for line in of_requests(json_log())] == [route]
    assert route in {*call("GET", f"{API}/openapi.json").json()["paths"], "unknown"}


def test_pages_are_not_logged(call: Call, json_log: ReadLog) -> None:
    assert call("GET", "/customers?customer_id=anna").headers["X-Request-ID"]
    assert of_requests(json_log()) == []


def test_a_well_formed_id_of_the_client_is_used(call: Call) -> None:
    assert call("GET", f"{API}/health/live/", headers={"X-Request-ID": "trace-1.a_B"}).headers["X-Request-ID"] == (
        "trace-1.a_B"
    )


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "ünïcode", "1;DROP"])
def test_any_other_id_is_replaced(call: Call, given: str) -> None:
    answer = call("GET", f"{API}/health/live/", headers=[(b"X-Request-ID", given.encode())])
    assert len(answer.headers["X-Request-ID"]) == 16


def test_an_unexpected_error_has_the_id_in_its_answer_and_in_the_log(
    call: Call, json_log: ReadLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Services) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("loyalty_core.api.health.check_readiness", fail)
    answer = call("GET", f"{API}/health/ready/", headers={"X-Request-ID": "trace-2"})
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (500, "trace-2")
    assert answer.json()["detail"] == "Something went wrong; the app's log has the cause under the request id trace-2."
    error, line = [event for event in json_log() if event["logger"].startswith("loyalty_core")]
    assert (error["event"], error["request_id"]) == ("Unexpected error in the API", "trace-2")
    assert "ZeroDivisionError" in error["exception"]
    assert (line["status"], line["request_id"]) == (500, "trace-2")


def metrics_of(call: Call) -> dict[str, float]:
    """Each sample by its name and labels, as Prometheus reads them."""
    answer = call("GET", f"{API}/metrics/")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_metrics_count_requests_predictions_look_ups_and_queries(call: Call) -> None:
    churn = 'loyalty_http_request_duration_seconds_count{method="POST",route="/dwh/ml/churn/",status="200"}'
    predicted = 'loyalty_predictions_total{kind="churn",version="mock"}'
    hits = 'loyalty_feature_cache_lookups_total{result="hit"}'
    misses = 'loyalty_feature_cache_lookups_total{result="miss"}'
    queries = 'loyalty_warehouse_query_duration_seconds_count{outcome="ok"}'
    before = metrics_of(call)
    for _ in range(3):
        assert call("POST", f"{API}/dwh/ml/churn/", json={"customer_id": GUIDE_CUSTOMER}).status_code == 200
    after = metrics_of(call)
    assert [after[name] - before.get(name, 0) for name in (churn, predicted, hits, misses)] == [3, 3, 2, 1]
    assert after[queries] > before[queries]
    assert not any(GUIDE_CUSTOMER in name for name in after)


def test_metrics_have_the_depth_of_queues_and_jobs_by_state(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = get_services().limits.evaluations
    monkeypatch.setattr(type(get_services().jobs), "count_by_state", lambda _: {("scoring", "failed"): 2})
    with limit.slot("ann", patience=0):
        found = metrics_of(call)
    assert found['loyalty_work_running{kind="evaluations"}'] == 1
    assert found['loyalty_work_waiting{kind="evaluations"}'] == 0
    assert found['loyalty_jobs{kind="scoring",state="failed"}'] == 2
    assert found["loyalty_state_store_up"] == 1


def test_metrics_answer_without_the_state_store(call: Call, tmp_path: Any) -> None:
    get_services().store.close()
    (tmp_path / "state.db").write_text("damaged")
    found = metrics_of(call)
    assert found["loyalty_state_store_up"] == 0
    assert not any(name.startswith("loyalty_jobs") for name in found)
