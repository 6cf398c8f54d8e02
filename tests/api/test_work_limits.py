"""More work than the API takes on at once: some of it waits, the rest is refused, and predictions go on."""

import asyncio
import threading
from collections.abc import Iterator

import httpx
import pytest

from loyalty_core.api import create_api
from loyalty_core.api.work_limits import TooBusy, WorkLimit
from loyalty_core.segments.figures import Preview
from loyalty_core.segments.selection import Selection
from tests.workbench import GUIDE_CUSTOMER, Configure

WAIT_SECONDS = 60
RULE = {"rule": {">": [{"var": "total_revenue"}, 800]}}


class Held:
    """Evaluations that go on only when they are released."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.released = threading.Event()

    def preview(self, selection: Selection) -> Preview:
        self.begun.release()
        assert self.released.wait(WAIT_SECONDS)
        return selection.size()


@pytest.fixture
def held(demo_settings: Configure, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    demo_settings(ml_mock_mode=True)
    held = Held()
    monkeypatch.setattr(Selection, "preview", lambda selection: held.preview(selection))  # noqa: PLW0108 -- becomes a method
    yield held
    held.released.set()


async def ask_too_much(held: Held) -> tuple[list[httpx.Response], httpx.Response, httpx.Response, httpx.Response]:
    """Eight evaluations of a client; its ninth, another client's, and a prediction while two of the eight run."""
    api = create_api()

    def client(address: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(api, client=(address, 1)), base_url="http://api")

    async with client("10.0.0.1") as one, client("10.0.0.2") as other:
        eight = [asyncio.create_task(one.post("/segments/evaluate/", json=RULE)) for _ in range(8)]
        for _ in range(2):
            assert await asyncio.to_thread(held.begun.acquire, timeout=WAIT_SECONDS)
        ninth = await one.post("/segments/evaluate/", json=RULE)
        others = asyncio.create_task(other.post("/segments/evaluate/", json=RULE))
        prediction = await other.post("/dwh/ml/churn/", json={"customer_id": GUIDE_CUSTOMER})
        assert not held.begun.acquire(blocking=False)
        held.released.set()
        return await asyncio.gather(*eight), ninth, await others, prediction


def test_evaluations_wait_for_each_other_and_the_ninth_of_a_client_is_refused(held: Held) -> None:
    eight, ninth, others, prediction = asyncio.run(ask_too_much(held))
    assert [answer.status_code for answer in (*eight, others, prediction)] == [200] * 10
    assert (ninth.status_code, ninth.headers["Retry-After"]) == (429, "2")
    assert ninth.json() == {
        "error": "too_busy",
        "detail": "Too many evaluations of rules are under way. 8 from this client are unfinished. "
        "Try again when one of them is done.",
    }


def test_a_failed_evaluation_frees_its_slot(demo_settings: Configure) -> None:
    async def fail_often() -> list[int]:
        transport = httpx.ASGITransport(create_api(), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            rules = [{"rule": {"nope": []}}] * 20 + [RULE]
            return [(await client.post("/segments/evaluate/", json=rule)).status_code for rule in rules]

    assert asyncio.run(fail_often()) == [422] * 20 + [200]


def test_a_refusal_has_the_number_of_requests_of_that_client():
    limit = WorkLimit("reports", at_once=9, of_client=2, most=9, remedy="Wait.")

    async def ask() -> None:
        async with limit.slot("bob"), limit.slot("ann"), limit.slot("ann"):
            with pytest.raises(TooBusy, match="2 from this client are unfinished"):
                await limit.slot("ann").__aenter__()

    asyncio.run(ask())
