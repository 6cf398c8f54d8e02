"""A client that disconnects ends the work that only it waits for, against a server on a socket."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from prometheus_client import REGISTRY

from loyalty_core.cancellation import Cancellation, current_cancellation
from loyalty_core.segments import SegmentDraft
from loyalty_core.segments.selection import Selection
from loyalty_core.services import get_services
from tests.engines.engine import COUNTING
from tests.fixtures.api import serving
from tests.waiting import PATIENCE_SECONDS, wait_until
from tests.workbench import Configure

RULE = {"rule": {">": [{"var": "total_revenue"}, 800]}}


class Api:
    """The API on a port, and the statuses that it answered with, whether or not anybody read them."""

    def __init__(self, port: int, statuses: list[int]) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.statuses = statuses

    def disconnect_during(self, begun: threading.Event, method: str, path: str, body: object = None) -> None:
        """Send a request, and close the connection once what it does has begun."""

        async def send() -> None:
            async with httpx.AsyncClient(base_url=self.url, timeout=PATIENCE_SECONDS) as client:
                request = asyncio.create_task(client.request(method, path, json=body))
                assert await asyncio.to_thread(begun.wait, PATIENCE_SECONDS)
                request.cancel()
                await asyncio.gather(request, return_exceptions=True)

        asyncio.run(send())


@pytest.fixture
def api(api_of_all: FastAPI, demo_settings: Configure) -> Iterator[Api]:
    demo_settings(ml_mock_mode=True)
    statuses: list[int] = []

    async def noting_statuses(scope: Any, receive: Any, send: Any) -> None:
        async def noted(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            await send(message)

        await api_of_all(scope, receive, noted)

    with serving(noting_statuses, lifespan="off") as port:
        yield Api(port, statuses)


def counting_for_ever(begun: threading.Event) -> Callable[..., Any]:
    """A read of the warehouse that only an interruption ends."""

    def read(_: Selection) -> Any:
        begun.set()
        return get_services().warehouse.rows(sa.text(COUNTING))

    return read


def stopped_statements() -> float:
    value = REGISTRY.get_sample_value("loyalty_warehouse_query_duration_seconds_count", {"outcome": "cancelled"})
    assert value is not None
    return value


def test_a_statement_is_stopped_when_its_client_disconnects(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()
    before = stopped_statements()
    monkeypatch.setattr(Selection, "preview", counting_for_ever(begun))
    api.disconnect_during(begun, "POST", "/segments/evaluate/", RULE)
    wait_until(lambda: api.statuses)
    assert api.statuses == [499]
    assert get_services().limits.evaluations.depth().running == 0
    assert stopped_statements() == before + 1


def test_a_request_that_waits_for_its_turn_leaves_the_queue(api: Api) -> None:
    limit = get_services().limits.evaluations
    queued = threading.Event()

    def look() -> None:
        wait_until(lambda: limit.depth().waiting)
        queued.set()

    with limit.slot("a screen", patience=PATIENCE_SECONDS), limit.slot("another", patience=PATIENCE_SECONDS):
        looking = threading.Thread(target=look)
        looking.start()
        api.disconnect_during(queued, "POST", "/segments/evaluate/", RULE)
        looking.join()
        wait_until(lambda: api.statuses)
        assert (limit.depth().waiting, api.statuses) == (0, [499])


def test_what_is_saved_is_saved_also_when_the_client_has_disconnected(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = get_services()
    services.segmentation.create(SegmentDraft("Spenders", RULE["rule"]), actor="ann")
    refresh, begun, seen = services.segmentation.refresh, threading.Event(), list[Cancellation | None]()
    disconnected = threading.Event()

    def refresh_later(segment_id: str) -> Any:
        seen.append(current_cancellation())
        begun.set()
        assert disconnected.wait(PATIENCE_SECONDS)
        return refresh(segment_id)

    monkeypatch.setattr(services.segmentation, "refresh", refresh_later)
    api.disconnect_during(begun, "POST", "/segments/spenders/refresh/")
    disconnected.set()
    wait_until(lambda: api.statuses)
    assert (api.statuses, seen) == ([200], [None])
    assert services.segments.sizes("spenders")


def test_a_file_of_which_a_part_has_been_sent_ends_without_an_error(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    services = get_services()
    services.segmentation.create(SegmentDraft("Spenders", RULE["rule"]), actor="ann")
    begun = threading.Event()

    def parts(selection: Selection, *_: object) -> Iterator[bytes]:
        yield b"customer_id\n"
        yield counting_for_ever(begun)(selection)

    monkeypatch.setattr(Selection, "export_parts", parts)
    api.disconnect_during(begun, "GET", "/segments/spenders/members/export/")
    wait_until(lambda: not services.limits.exports.depth().running)
    assert api.statuses == [200]
    assert not caplog.records
