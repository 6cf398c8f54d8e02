"""Redis or the warehouse is stopped and started while clients ask over HTTP."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import event

from loyalty_core.api import create_api
from loyalty_core.services import get_services
from tests.fixtures.warehouses import CUSTOMERS, PostgresDatabase
from tests.waiting import PATIENCE_SECONDS
from tests.workbench import GUIDE_CUSTOMER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.servers import PostgresServer, RedisServer
    from tests.workbench import Configure

    Asking = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]

CLIENTS, OUTAGES, ANSWERS = 8, 3, 20
LIMIT_SECONDS = 2


class Load:
    """What clients got who ask again and again, by the phase in which they sent the request."""

    def __init__(self) -> None:
        self.phase = 0
        self.answers: dict[int, list[httpx.Response]] = defaultdict(list)

    async def next_answers(self) -> list[httpx.Response]:
        """Answers to requests that were sent after this call."""
        self.phase += 1
        answers = self.answers[self.phase]
        while len(answers) < ANSWERS:
            await asyncio.sleep(0.01)
        return answers[:ANSWERS]

    async def recovery(self) -> None:
        """Return once every request succeeds: some that were sent at the very start may still hear of the outage."""
        while {answer.status_code for answer in await self.next_answers()} != {200}:
            pass


@asynccontextmanager
async def load(ask: Asking) -> AsyncIterator[Load]:
    found, over = Load(), asyncio.Event()
    transport = httpx.ASGITransport(create_api())
    async with httpx.AsyncClient(transport=transport, base_url="http://api", timeout=PATIENCE_SECONDS) as client:

        async def keep_asking() -> None:
            while not over.is_set():
                phase = found.phase
                answer = await ask(client)
                found.answers[phase].append(answer)
                await asyncio.sleep(0)  # without a network, an answer from memory gives nobody else a turn

        clients = [asyncio.create_task(keep_asking()) for _ in range(CLIENTS)]
        try:
            yield found
        finally:
            over.set()
            await asyncio.gather(*clients)


def predict(client: httpx.AsyncClient) -> Awaitable[httpx.Response]:
    return client.post("/dwh/ml/churn/", json={"customer_id": GUIDE_CUSTOMER})


@pytest.mark.slow
def test_predictions_go_on_without_the_cache(redis_server: RedisServer, demo_settings: Configure) -> None:
    demo_settings(ml_mock_mode=True, redis_url=redis_server.url)

    async def statuses() -> set[int]:
        async with load(predict) as found:
            for change in [redis_server.stop, redis_server.start] * OUTAGES:
                await asyncio.to_thread(change)
                await asyncio.wait_for(found.next_answers(), PATIENCE_SECONDS)
        return {answer.status_code for answers in found.answers.values() for answer in answers}

    assert asyncio.run(statuses()) == {200}


@pytest.mark.slow
def test_without_the_warehouse_requests_are_refused_within_the_limit_until_it_is_back(
    own_postgres: PostgresServer, configure: Configure
) -> None:
    PostgresDatabase(own_postgres.url).execute(CUSTOMERS)
    configure(dwh_url=own_postgres.url, dwh_connect_timeout_seconds=LIMIT_SECONDS)
    engine, limits = get_services().warehouse.engine, list[Any]()
    event.listen(engine, "do_connect", lambda *connecting: limits.append(connecting[-1]["connect_timeout"]))

    def start() -> None:
        own_postgres.start()
        PostgresDatabase(own_postgres.url).execute(CUSTOMERS)

    async def refusals() -> list[httpx.Response]:
        refused: list[httpx.Response] = []
        async with (
            load(lambda client: client.get("/dwh/customers/?q=C1")) as found,
            asyncio.timeout(OUTAGES * PATIENCE_SECONDS),
        ):
            await found.recovery()
            for _ in range(OUTAGES):
                await asyncio.to_thread(own_postgres.stop)
                refused += await found.next_answers()
                await asyncio.to_thread(start)
                await found.recovery()
        return refused

    refused = asyncio.run(refusals())
    assert {answer.status_code for answer in refused} == {503}
    assert {answer.json()["error"] for answer in refused} == {"warehouse_unavailable"}
    assert {frozenset(answer.json()) for answer in refused} == {frozenset({"error", "detail"})}
    assert {answer.headers["retry-after"] for answer in refused} == {"5"}
    # The driver waits no longer than this for a connection, and whoever waits for one in the pool neither.
    assert set(limits) == {LIMIT_SECONDS}
    assert engine.pool.timeout() == LIMIT_SECONDS  # pyright: ignore[reportAttributeAccessIssue]
