"""Redis is stopped and started while clients predict over HTTP: the warehouse answers instead, and nothing fails."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest

from loyalty_core.api import create_api
from tests.waiting import PATIENCE_SECONDS
from tests.workbench import GUIDE_CUSTOMER

if TYPE_CHECKING:
    from tests.servers import RedisServer
    from tests.workbench import Configure

CLIENTS, OUTAGES, ANSWERS = 8, 3, 20


@pytest.mark.slow
def test_predictions_go_on_without_the_cache(redis_server: RedisServer, demo_settings: Configure) -> None:
    demo_settings(ml_mock_mode=True, redis_url=redis_server.url)
    assert asyncio.run(_ask_during_outages(redis_server)) == {200}


async def _ask_during_outages(redis: RedisServer) -> set[int]:
    """The statuses of all answers, some of which were given in each outage and after it."""
    statuses: list[int] = []
    over = False
    transport = httpx.ASGITransport(create_api())
    async with httpx.AsyncClient(transport=transport, base_url="http://api", timeout=PATIENCE_SECONDS) as client:

        async def keep_asking() -> None:
            while not over:
                answer = await client.post("/dwh/ml/churn/", json={"customer_id": GUIDE_CUSTOMER})
                statuses.append(answer.status_code)

        async def more_answers() -> None:
            wanted = len(statuses) + ANSWERS
            while len(statuses) < wanted:
                await asyncio.sleep(0.01)

        clients = [asyncio.create_task(keep_asking()) for _ in range(CLIENTS)]
        try:
            for change in [redis.stop, redis.start] * OUTAGES:
                await asyncio.to_thread(change)
                await asyncio.wait_for(more_answers(), PATIENCE_SECONDS)
        finally:
            over = True
            await asyncio.gather(*clients)
    return set(statuses)
