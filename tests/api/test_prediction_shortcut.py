"""Predictions for one customer: answered from memory by the thread of the server, or by another thread."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from loyalty_core.access import Scope, Viewer, acting_as
from loyalty_core.api import create_api
from loyalty_core.ml.bundles import activate, write_bundle
from loyalty_core.ml.inference import MLInferenceService
from loyalty_core.rfm import cache as cut_points_cache
from loyalty_core.rfm.maps import clear_map_cache
from loyalty_core.services import get_services
from loyalty_core.settings import get_settings
from tests.fixtures.api import NORWAY, error_of
from tests.ml.fixtures import other_parts
from tests.waiting import PATIENCE_SECONDS
from tests.workbench import GUIDE_CUSTOMER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fixtures.api import Ask
    from tests.workbench import Configure, Query

METHODS = {"nbo": "predict", "churn": "predict", "rfm": "calculate_rfm"}
CHURN, ONE = "/dwh/ml/churn/", {"customer_id": GUIDE_CUSTOMER}
SERVER, OTHER = "the server's thread", "another thread"


@pytest.fixture
def answered_by(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads that have answered, in order."""
    server, threads = threading.current_thread(), list[str]()
    for name in set(METHODS.values()):
        predict = getattr(MLInferenceService, name)

        def recorded(*arguments: Any, predict: Any = predict) -> Any:
            answer = predict(*arguments)
            threads.append(SERVER if threading.current_thread() is server else OTHER)
            return answer

        monkeypatch.setattr(MLInferenceService, name, recorded)
    return threads


@pytest.mark.parametrize("kind", METHODS)
def test_what_another_thread_has_read_is_then_in_memory(
    trained: str, ask: Ask, answered_by: list[str], kind: str
) -> None:
    first, second = (ask(f"/dwh/ml/{kind}/", "POST", ONE) for _ in range(2))
    assert (first.status_code, second.json()) == (200, first.json())
    assert answered_by == [OTHER, SERVER]


def test_what_has_expired_is_read_again(trained: str, ask: Ask, answered_by: list[str]) -> None:
    ask(CHURN, "POST", ONE)
    for expire in (clear_map_cache, get_services().features.invalidate_all, get_services().warehouse.forget):
        expire()
        answered_by.clear()
        assert [ask(CHURN, "POST", ONE).status_code for _ in range(2)] == [200, 200]
        assert answered_by == [OTHER, SERVER]


def test_an_activated_version_answers_the_next_request(trained: str, ask: Ask, answered_by: list[str]) -> None:
    before = [ask(CHURN, "POST", ONE).json() for _ in range(2)]
    models_dir = get_settings().models_dir
    activate(models_dir, write_bundle(models_dir, other_parts()), "test")
    after = [ask(CHURN, "POST", ONE).json() for _ in range(2)]
    assert before[0] == before[1] != after[0] == after[1]
    assert answered_by == [OTHER, SERVER] * 2


def test_redis_is_asked_by_another_thread(
    trained: str, demo_settings: Configure, ask: Ask, answered_by: list[str], redis_url: str
) -> None:
    demo_settings(redis_url=redis_url)
    assert [ask(CHURN, "POST", ONE).status_code for _ in range(2)] == [200, 200]
    assert answered_by == [OTHER, OTHER]


def test_what_one_viewer_has_read_is_no_answer_to_another(
    trained: str, demo_settings: Configure, ask: Ask, answered_by: list[str], query_demo: Query
) -> None:
    [(abroad,)] = query_demo("SELECT min(customer_id) FROM customer_features_view WHERE country <> 'Norway'")
    demo_settings(sign_in="openid")
    everyone = Viewer("ann", frozenset({"admin"}))
    in_norway = Viewer("kari", frozenset({"viewer"}), Scope.of(NORWAY))
    for _ in range(2):
        with acting_as(everyone):
            assert ask(CHURN, "POST", {"customer_id": abroad}).status_code == 200
        with acting_as(in_norway):
            assert error_of(ask(CHURN, "POST", {"customer_id": abroad}))[:2] == (404, "customer_not_found")
    assert answered_by == [OTHER, SERVER]
    assert error_of(ask(CHURN, "POST", {"customer_id": abroad}))[:2] == (401, "not_signed_in")


def test_the_server_answers_while_a_prediction_waits(trained: str, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    is_read, may_go_on = threading.Event(), threading.Event()
    read = cut_points_cache.current_cut_points

    def slow(warehouse: Any) -> Any:
        is_read.set()
        assert may_go_on.wait(PATIENCE_SECONDS)
        return read(warehouse)

    monkeypatch.setattr(cut_points_cache, "current_cut_points", slow)

    async def answers() -> list[int]:
        transport = httpx.ASGITransport(create_api())
        async with httpx.AsyncClient(transport=transport, base_url="http://api", timeout=PATIENCE_SECONDS) as client:
            first = asyncio.create_task(client.post(CHURN, json=ONE))
            assert await asyncio.to_thread(is_read.wait, PATIENCE_SECONDS)
            second = asyncio.create_task(client.post(CHURN, json=ONE))  # meets the lock that the first one holds
            live = await client.get("/health/live/")
            assert not first.done()
            assert not second.done()
            may_go_on.set()
            return [live.status_code, (await first).status_code, (await second).status_code]

    assert asyncio.run(answers()) == [200, 200, 200]


def test_a_body_in_parts(trained: str) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b'{"customer_id": '
        yield f'"{GUIDE_CUSTOMER}"}}'.encode()

    async def answer() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(create_api()), base_url="http://api") as client:
            return await client.post(CHURN, content=parts(), headers={"content-type": "application/json"})

    found = asyncio.run(answer())
    assert (found.status_code, found.json()["customer_id"]) == (200, GUIDE_CUSTOMER)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"[" * 300, "The body is nested more than 256 levels deep."),
        (b'{"customer_id": "1"', "19: JSON decode error"),
        (b'{"customer_id": ""}', "customer_id: String should have at least 1 character"),
        (b"", "The body must be a JSON object"),
    ],
)
def test_a_body_that_is_refused(trained: str, ask: Ask, body: bytes, detail: str) -> None:
    status, code, found = error_of(ask(CHURN, "POST", body))
    assert (status, code) == (422, "bad_request")
    assert found.startswith(detail)
