"""More work than the API takes on at once: some of it waits, the rest is refused, and predictions go on."""

import asyncio
import functools
import threading
from collections.abc import Iterator

import httpx
import pytest

from loyalty_core.api import create_api
from loyalty_core.segments.figures import Preview
from loyalty_core.segments.selection import Selection
from loyalty_core.services import get_services
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
        "detail": "Too many evaluations are under way. 8 are yours. Try again when one of them is done.",
    }


def test_a_failed_evaluation_frees_its_slot(demo_settings: Configure) -> None:
    async def fail_often() -> list[int]:
        transport = httpx.ASGITransport(create_api(), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            rules = [{"rule": {"nope": []}}] * 20 + [RULE]
            return [(await client.post("/segments/evaluate/", json=rule)).status_code for rule in rules]

    assert asyncio.run(fail_often()) == [422] * 20 + [200]


def test_requests_wait_for_the_evaluations_of_screens(demo_settings: Configure) -> None:
    async def ask_while_screens_evaluate() -> tuple[httpx.Response, httpx.Response]:
        transport = httpx.ASGITransport(create_api())
        limit = get_services().limits.evaluations
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            with limit.slot("a screen", patience=WAIT_SECONDS), limit.slot("another", patience=WAIT_SECONDS):
                evaluation = asyncio.create_task(client.post("/segments/evaluate/", json=RULE))
                while not limit.depth().waiting:
                    await asyncio.sleep(0.01)
                columns = await client.get("/dwh/columns/")
                assert not evaluation.done()
            return columns, await evaluation

    columns, evaluation = asyncio.run(ask_while_screens_evaluate())
    assert (columns.status_code, evaluation.status_code) == (200, 200)
    assert get_services().limits.evaluations.depth().running == 0


@pytest.mark.slow
def test_predictions_go_on_while_rules_of_3000_conditions_are_evaluated(demo_settings: Configure) -> None:
    demo_settings(ml_mock_mode=True)
    conditions = [{">": [{"var": "total_revenue"}, number]} for number in range(3_000)]

    async def predict_meanwhile() -> tuple[list[int], list[int]]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(create_api()), base_url="http://api") as client:
            post = functools.partial(client.post, timeout=None)
            rules = [
                asyncio.create_task(post("/segments/evaluate/", json={"rule": {"or": conditions}})) for _ in range(8)
            ]
            while not get_services().limits.evaluations.depth().running:
                await asyncio.sleep(0.01)
            predicted = [
                (await post("/dwh/ml/churn/", json={"customer_id": GUIDE_CUSTOMER})).status_code for _ in range(20)
            ]
            assert not all(rule.done() for rule in rules), "the predictions waited for all rules"
            return predicted, [answer.status_code for answer in await asyncio.gather(*rules)]

    assert asyncio.run(predict_meanwhile()) == ([200] * 20, [200] * 8)
