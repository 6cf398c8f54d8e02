"""Predictions over HTTP while versions are activated: none fails, and each is by one version or the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from loyalty_core.api import create_api
from loyalty_core.ml.bundles import activate, write_bundle
from loyalty_core.services import get_services
from loyalty_core.settings import get_settings
from tests.ml.fixtures import other_parts
from tests.waiting import PATIENCE_SECONDS
from tests.workbench import GUIDE_CUSTOMER

if TYPE_CHECKING:
    from collections.abc import Iterable

CLIENTS, ACTIVATIONS = 32, 20
CHURN, ONE = "/dwh/ml/churn/", {"customer_id": GUIDE_CUSTOMER}


@pytest.mark.slow
def test_each_answer_is_by_one_version_or_the_other(trained: str) -> None:
    models_dir, inference = get_settings().models_dir, get_services().inference
    versions = {trained: inference.predict_churn(GUIDE_CUSTOMER)}
    other = write_bundle(models_dir, other_parts())
    activate(models_dir, other, "test")
    versions[other] = inference.predict_churn(GUIDE_CUSTOMER)
    assert versions[trained] != versions[other]
    answers = asyncio.run(_ask_while_activating([trained, other] * (ACTIVATIONS // 2)))
    assert {status for status, _ in answers} == {200}
    bodies = [body for _, body in answers]
    assert all(body in versions.values() for body in bodies)
    assert all(expected in bodies for expected in versions.values())


async def _ask_while_activating(versions: Iterable[str]) -> list[tuple[int, Any]]:
    """Status and body of every answer; after each activation, the next begins when each client has had an answer."""
    answers: list[tuple[int, Any]] = []
    answered = [asyncio.Event() for _ in range(CLIENTS)]
    over = False
    transport = httpx.ASGITransport(create_api())
    async with httpx.AsyncClient(transport=transport, base_url="http://api", timeout=PATIENCE_SECONDS) as client:

        async def keep_asking(place: int) -> None:
            while not over:
                answer = await client.post(CHURN, json=ONE)
                answers.append((answer.status_code, answer.json()))
                answered[place].set()
                await asyncio.sleep(0)  # without a network, an answer from memory gives nobody else a turn

        clients = [asyncio.create_task(keep_asking(place)) for place in range(CLIENTS)]
        try:
            for version in versions:
                for event in answered:
                    event.clear()
                path = f"/ml/versions/{version}/activate/"
                activation = await client.post(path, json={"even_if_worse": True})
                answers_of_all = asyncio.gather(*(event.wait() for event in answered))
                assert activation.status_code == 200, activation.text
                await asyncio.wait_for(answers_of_all, PATIENCE_SECONDS)
        finally:
            over = True
            await asyncio.gather(*clients)
    return answers
