"""The HTTP API, asked in this process."""

import asyncio
from json import dumps
from typing import Any, Protocol

import httpx
import pytest

from loyalty_core.api import create_api


class Ask(Protocol):
    """Sends one request to the API."""

    def __call__(self, path: str, method: str = "GET", json: Any = None) -> httpx.Response: ...


@pytest.fixture
def ask() -> Ask:
    """Requests to the API; what goes wrong inside comes back as it would over the network."""
    transport = httpx.ASGITransport(create_api(), raise_app_exceptions=False)

    async def send(path: str, method: str, json: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            # Every character that JSON can spell, those that UTF-8 cannot hold too.
            content = None if json is None else dumps(json)
            return await client.request(method, path, content=content, headers={"content-type": "application/json"})

    return lambda path, method="GET", json=None: asyncio.run(send(path, method, json))
