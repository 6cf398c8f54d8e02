"""Other hosts, and changes from other origins, are refused; every response has the headers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute

from loyalty_core.api import BrowserProtection

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.websockets import WebSocket

HOST = "crm.example.com"
ORIGIN = f"https://{HOST}"
POLICIES = {"": "default-src 'self'", "/component/": "frame-ancestors 'self'"}


async def answer(request: Request) -> PlainTextResponse:
    own = {"Content-Security-Policy": "script-src 'self'"} if request.url.path.endswith("/docs/") else {}
    return PlainTextResponse((await request.body()).decode(), headers=own)


async def accept(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


APP = Starlette(
    routes=[
        WebSocketRoute("/stream", accept),
        Route("/{path:path}", answer, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ],
    middleware=[
        Middleware(
            BrowserProtection,
            hosts=[HOST, "*.shop.example.com"],
            policies=POLICIES,
            api_path="/api/loyalty/v1",
            open_paths=["/api/loyalty/v1/contact/"],
        )
    ],
)


def send(method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url=f"http://{HOST}") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(ask())


async def opens_stream(headers: dict[str, str]) -> bool:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def collect(message: Any) -> None:
        sent.append(message["type"])

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await APP({"type": "websocket", "path": "/stream", "headers": raw, "subprotocols": []}, receive, collect)
    return sent[0] == "websocket.accept"


@pytest.mark.parametrize(
    "host",
    [
        HOST, "CRM.Example.com.", f"{HOST}:8501", "a.shop.example.com", "a.b.shop.example.com",
        "localhost", "localhost:8501", "app.localhost", "127.0.0.1:8501", "10.1.2.3", "[::1]:8501", "[fe80::1%25eth0]",
    ],
)  # fmt: skip
def test_hosts_that_are_answered(host: str):
    assert send("GET", "/", {"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "", "evil.example", f"{HOST}.evil.example", f"evil{HOST}", "shop.example.com", "evilshop.example.com",
        "localhost.evil.example", f"{HOST}@evil.example", f"evil.example#{HOST}", f"evil.example/{HOST}",
        f"{HOST}:port", "127.0.0.1.evil.example", "[::1", "1.2.3",
    ],
)  # fmt: skip
def test_hosts_that_are_refused(host: str):
    for path in ("/", "/static/index.js", "/api/loyalty/v1/segments/"):
        refused = send("GET", path, {"host": host})
        assert (refused.status_code, refused.json()["error"]) == (421, "host_not_allowed")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # a program
        ({"sec-fetch-site": "same-origin", "origin": ORIGIN}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "same-site", "origin": f"https://other.{HOST}"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "https://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"origin": ORIGIN}, 200),
        ({"origin": f"http://{HOST}:80"}, 200),
        ({"origin": f"{ORIGIN}:8443"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": f"https://{HOST}.evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": f"chrome-extension://{HOST}"}, 403),
    ],
)
def test_changes_come_from_the_same_origin(headers: dict[str, str], status: int):
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in ("/_stcore/upload_file/a/b", "/api/loyalty/v1/segments/"):
            assert send(method, path, headers).status_code == status, (method, path)
    assert send("GET", "/api/loyalty/v1/segments/", headers).status_code == 200


@pytest.mark.parametrize(
    ("path", "policy"),
    [
        ("/", POLICIES[""]),
        ("/segments", POLICIES[""]),
        ("/component/elements/index.html", POLICIES["/component/"]),
        ("/api/loyalty/v1/health/", "default-src 'none'; frame-ancestors 'none'"),
        ("/api/loyalty/v1/docs/", "script-src 'self'"),
    ],
)
def test_every_response_has_the_headers_once(path: str, policy: str):
    headers = send("GET", path, {}).headers
    assert headers.get_list("content-security-policy") == [policy]
    for sent in (headers, send("GET", path, {"host": "evil.example"}).headers):
        assert sent.get_list("x-content-type-options") == ["nosniff"]
        assert sent.get_list("referrer-policy") == ["same-origin"]
        assert sent.get_list("cross-origin-opener-policy") == ["same-origin"]
        assert sent.get_list("cross-origin-resource-policy") == ["same-origin"]


@pytest.mark.parametrize(
    ("headers", "is_accepted"),
    [
        ({}, True),
        ({"origin": ORIGIN}, True),
        ({"origin": "http://localhost:3000"}, False),
        ({"origin": ORIGIN, "sec-fetch-site": "cross-site"}, False),
        ({"host": "evil.example", "origin": "http://evil.example"}, False),
    ],
)
def test_websockets_are_opened_by_the_same_origin(headers: dict[str, str], *, is_accepted: bool):
    assert asyncio.run(opens_stream({"host": HOST} | headers)) == is_accepted


def test_what_carries_its_own_authority_may_come_from_any_origin():
    headers = {"origin": "https://mail.example.org", "sec-fetch-site": "cross-site"}
    assert send("POST", "/api/loyalty/v1/contact/unsubscribe/token/", headers).status_code == 200
    assert send("POST", "/api/loyalty/v1/contacts/", headers).status_code == 403
    assert (
        send("POST", "/api/loyalty/v1/contact/unsubscribe/token/", {**headers, "host": "other.org"}).status_code == 421
    )
