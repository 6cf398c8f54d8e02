"""Who sends a request: keys, sign-ins, and what happens to those who are nobody."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import httpx
import pytest

from loyalty_core.access import Viewer, process_acts_as, terminal_viewer
from loyalty_core.accounts import SignIn
from loyalty_core.accounts.viewers import Viewers
from loyalty_core.api import create_api
from loyalty_core.api.attempts import MAX_FAILURES
from loyalty_core.services import services_of_process
from loyalty_core.store import audit
from tests.fixtures.api import error_of
from tests.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Scope

    from tests.workbench import Configure

COOKIE = b"anna"
SIGNED_IN_AT = int(datetime.now(UTC).timestamp())


class Send(Protocol):
    """Sends one request with these headers, from this address."""

    def __call__(
        self, path: str, method: str = "GET", address: str = "192.0.2.1", json: Any = None, **headers: str
    ) -> httpx.Response: ...


def cookie_sign_in(scope: Scope) -> SignIn | None:
    if (b"cookie", COOKIE) not in scope["headers"]:
        return None
    claims = {"iss": "https://id.example", "sub": "1", "iat": int(datetime.now(UTC).timestamp()) // 3600 * 3600 + 3599}
    return SignIn.from_claims(
        claims | {"email": "anna@example.com", "email_verified": True}, trust_unverified_email=False
    )


@pytest.fixture(scope="module")
def api_with_cookies() -> FastAPI:
    return create_api(cookie_sign_in)


@pytest.fixture
def send(api_with_cookies: FastAPI, demo_settings: Configure) -> Send:
    demo_settings(sign_in="openid")
    api = api_with_cookies
    api.middleware_stack = None  # which counts failed attempts

    async def request(path: str, method: str, address: str, json: Any, headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(api, client=(address, 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.request(method, path, json=json, headers=headers)

    return lambda path, method="GET", address="192.0.2.1", json=None, **headers: asyncio.run(
        request(path, method, address, json, headers)
    )


@pytest.fixture
def key(send: Send) -> str:
    """A key that may look."""
    with process_acts_as(terminal_viewer()):
        return services_of_process().api_keys.create("CRM sync", ["viewer"]).secret


def test_whoever_names_nobody_is_refused(send: Send):
    for path in ("/dwh/columns/", "/openapi.json", "/segments/", "/health/"):
        answer = send(path)
        assert error_of(answer)[:2] == (401, "not_signed_in")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_probes_answer_without_sign_in(send: Send):
    assert send("/health/live").status_code == 200
    assert send("/health/ready/").status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "Token", "bearer", "TOKEN"])
def test_a_key_is_read_from_the_authorization_header(send: Send, key: str, scheme: str):
    assert send("/segments/", authorization=f"{scheme} {key}").status_code == 200


def test_a_key_does_what_its_roles_allow_and_nothing_more(send: Send, key: str):
    authorization = f"Bearer {key}"
    assert send("/segments/", authorization=authorization).status_code == 200
    assert error_of(send("/segments/", "POST", authorization=authorization))[:2] == (403, "not_allowed")


def test_a_revoked_key_is_refused_at_once(send: Send, key: str):
    assert send("/segments/", authorization=f"Bearer {key}").status_code == 200
    with process_acts_as(terminal_viewer()):
        services_of_process().api_keys.revoke(key.split("_")[1])
    assert error_of(send("/segments/", authorization=f"Bearer {key}"))[:2] == (401, "not_signed_in")


def test_requests_at_once_read_the_key_once(send: Send, key: str, monkeypatch: pytest.MonkeyPatch):
    services_of_process().viewers.forget()
    reads, read = list[str](), Viewers.of_key

    def counted(viewers: Viewers, secret: str) -> Viewer:
        reads.append(secret)
        all_wait.wait(PATIENCE_SECONDS)
        return read(viewers, secret)

    monkeypatch.setattr(Viewers, "of_key", counted)
    all_wait = threading.Event()

    async def ask_at_once(secret: str) -> list[int]:
        transport = httpx.ASGITransport(create_api(), client=("192.0.2.1", 5000))
        headers = {"authorization": f"Bearer {secret}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client:
            requests = [asyncio.create_task(client.get("/segments/")) for _ in range(8)]
            while not reads:
                await asyncio.sleep(0.01)
            requests.pop(0).cancel()  # a client that gives up, for whom the others must not pay
            all_wait.set()
            return [answer.status_code for answer in await asyncio.gather(*requests)]

    assert asyncio.run(ask_at_once(key)) == [200] * 7
    assert reads == [key]


def test_failed_attempts_are_limited_by_address_and_in_the_audit_trail(send: Send, key: str):
    assert send("/segments/", authorization=f"Bearer {key}").status_code == 200
    for _ in range(MAX_FAILURES):
        assert send("/segments/", authorization="Bearer wrong").status_code == 401
    refused = send("/segments/", authorization="Bearer wrong")
    assert error_of(refused)[:2] == (429, "too_many_attempts")
    assert refused.headers["retry-after"] == "60"
    assert send("/segments/", address="192.0.2.2", authorization="Bearer wrong").status_code == 401
    assert send("/segments/", authorization=f"Bearer {key}").status_code == 200  # accepted before
    with services_of_process().store.session(read_only=True) as session:
        events = audit.recent(session, action="refused")
    assert [(one.actor, one.place) for one in events] == [
        ("unknown", "192.0.2.2"),
        *([("unknown", "192.0.2.1")] * MAX_FAILURES),
    ]
    assert key not in str([vars(one) for one in events])


def test_a_sign_in_acts_with_the_roles_of_now(send: Send):
    cookie = COOKIE.decode()
    assert error_of(send("/segments/", cookie=cookie))[:2] == (403, "not_allowed")
    with process_acts_as(terminal_viewer()):
        services_of_process().people.grant("anna@example.com", "viewer")
        assert send("/segments/", cookie=cookie).status_code == 200
        services_of_process().people.revoke("anna@example.com", "viewer")
    assert error_of(send("/segments/", cookie=cookie))[:2] == (403, "not_allowed")


def test_what_a_person_changes_is_recorded_with_their_name_and_address(send: Send):
    with process_acts_as(terminal_viewer()):
        services_of_process().people.grant("anna@example.com", "analyst")
    body = {"name": "Everybody", "rule": {}}
    created = send("/segments/", "POST", address="192.0.2.9", json=body, cookie=COOKIE.decode())
    assert (created.status_code, created.json()["owner"]) == (201, "anna@example.com")
    with services_of_process().store.session(read_only=True) as session:
        (event,) = audit.recent(session, subject_kind="segment")
    assert (event.actor, event.place, event.action) == ("anna@example.com", "192.0.2.9", "created")


def test_without_sign_in_keys_are_not_looked_at(send: Send, demo_settings: Configure):
    demo_settings(sign_in="off")
    assert send("/segments/", authorization="Token anything").status_code == 200
