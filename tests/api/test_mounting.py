"""The API beside an app: which requests it gets, and how its answers are compressed."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from loyalty_core.api import MountedApi
from tests.fixtures.api import Ask

ROOT = "/base/api/v1"


async def _report(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"API at {request.scope['root_path']}, {request.url.path}, {request.url_for('found')}")


async def _screen(_: Request) -> PlainTextResponse:
    return PlainTextResponse("screen")


API = Starlette(routes=[Route("/segments/", _report, name="found")])
APP = Starlette(
    routes=[Route("/{path:path}", _screen)],
    middleware=[Middleware(MountedApi, path=ROOT, api=API)],
)


def get(path: str) -> httpx.Response:
    async def answer() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://here") as client:
            return await client.get(path)

    return asyncio.run(answer())


def test_the_api_gets_what_is_below_its_path_and_knows_where_it_is() -> None:
    address = f"http://here{ROOT}/segments/"
    assert get(f"{ROOT}/segments/").text == f"API at {ROOT}, {ROOT}/segments/, {address}"


@pytest.mark.parametrize("path", [ROOT, f"{ROOT}/", f"{ROOT}/unknown/"])
def test_what_the_api_does_not_know_is_answered_by_the_api(path: str) -> None:
    assert get(path).status_code in {307, 404}


@pytest.mark.parametrize("path", ["/", "/base/api/v10/segments/", "/api/v1/segments/", "/base/api"])
def test_all_other_paths_are_the_apps(path: str) -> None:
    assert get(path).text == "screen"


@pytest.mark.parametrize(("path", "is_long"), [("/openapi.json", True), ("/health/live/", False)])
def test_long_answers_are_compressed_for_who_accepts_it(ask: Ask, path: str, is_long: bool) -> None:
    packed = ask(path, headers={"Accept-Encoding": "gzip"})
    plain = ask(path, headers={"Accept-Encoding": "identity"})
    assert (packed.status_code, packed.json()) == (200, plain.json())
    assert (packed.headers.get("Content-Encoding"), plain.headers.get("Content-Encoding")) == (
        "gzip" if is_long else None,
        None,
    )
    assert (len(plain.content) > 1000) is is_long
