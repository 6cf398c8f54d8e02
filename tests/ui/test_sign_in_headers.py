"""What happens to requests and responses before Streamlit sees them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.ui.sign_in import SignInHeaders

if TYPE_CHECKING:
    from tests.workbench import Configure

PROXY, CLIENT, STRANGER = "10.0.0.5", "192.0.2.7", "192.0.2.66"
USER = "x-forwarded-email"
# A port of zero: uvicorn has already replaced the address of the proxy by that of its client.
ON_THIS_MACHINE = (CLIENT, 0)
COOKIES = [
    (b"set-cookie", b"_streamlit_user=abc; Path=/; HttpOnly"),
    (b"set-cookie", b"_streamlit_user_1=abc; Path=/; Secure"),
    (b"Set-Cookie", b"theme=dark; Path=/"),
    (b"content-type", b"text/html"),
]


def seen(client: tuple[str, int] | None, headers: dict[str, str], kind: str = "http") -> dict[str, Any]:
    """The request as the app behind the middleware sees it."""
    scopes: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)

    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": kind, "path": "/overview", "client": client, "headers": encoded}
    asyncio.run(SignInHeaders(app)(scope, no_messages, no_messages))
    (found,) = scopes
    return found | {"headers": {name.decode(): value.decode() for name, value in found["headers"]}}


async def no_messages(*_: Any) -> Any:
    raise AssertionError("The app neither reads nor answers.")


def sent(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of a response as the browser receives them."""
    messages: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {"type": "http", "path": "/overview", "client": (CLIENT, 5000), "headers": []}
    asyncio.run(SignInHeaders(app)(scope, no_messages, send))
    (start,) = messages
    return start["headers"]


@pytest.fixture
def behind_proxy(configure: Configure) -> None:
    configure(sign_in="proxy", trusted_proxies="10.0.0.0/24", proxy_user_header="X-Forwarded-Email")


@pytest.mark.usefixtures("behind_proxy")
@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "client", [(STRANGER, 5000), ("10.0.1.5", 5000), ("127.0.0.1", 5000), ON_THIS_MACHINE, ("not an address", 5000)]
)
def test_the_user_that_anybody_else_names_is_removed(client: tuple[str, int], kind: str):
    found = seen(client, {USER: "admin@example.com", "x-forwarded-for": PROXY, "accept": "*/*"}, kind)
    assert found["headers"] == {"x-forwarded-for": PROXY, "accept": "*/*"}
    assert found["client"] == client


@pytest.mark.usefixtures("behind_proxy")
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_the_user_that_a_trusted_proxy_names_stays(kind: str):
    found = seen((PROXY, 5000), {USER: "anna@example.com"}, kind)
    assert found["headers"] == {USER: "anna@example.com"}
    assert found["client"] == (PROXY, 5000)


@pytest.mark.usefixtures("behind_proxy")
@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (CLIENT, CLIENT),
        # The client may write what it likes before the addresses that the proxies add.
        (f"127.0.0.1, {CLIENT}", CLIENT),
        (f"{STRANGER}, {CLIENT}, 10.0.0.9", CLIENT),
        ("10.0.0.9", PROXY),
    ],
)
def test_the_address_is_that_of_the_proxy_s_client(forwarded: str, address: str):
    found = seen((PROXY, 5000), {USER: "anna@example.com", "x-forwarded-for": forwarded})
    assert found["client"][0] == address


def test_a_proxy_on_this_machine_is_trusted_only_if_it_is_named(configure: Configure):
    configure(sign_in="proxy", trusted_proxies="127.0.0.1", proxy_user_header="X-Forwarded-Email")
    assert USER in seen(("127.0.0.1", 5000), {USER: "anna@example.com"})["headers"]
    assert USER in seen(ON_THIS_MACHINE, {USER: "anna@example.com"})["headers"]
    assert USER not in seen((STRANGER, 5000), {USER: "anna@example.com"})["headers"]


def test_the_cookies_of_streamlit_are_secure_behind_tls(configure: Configure, monkeypatch: pytest.MonkeyPatch):
    configure(sign_in="openid")
    monkeypatch.setattr("loyalty_core.ui.sign_in.headers.has_tls", lambda: True)
    first, *others = sent(COOKIES)
    assert first == (b"set-cookie", b"_streamlit_user=abc; Path=/; HttpOnly; Secure")
    assert others == COOKIES[1:]


def test_without_tls_a_secure_cookie_would_be_lost(configure: Configure, monkeypatch: pytest.MonkeyPatch):
    configure(sign_in="openid")
    monkeypatch.setattr("loyalty_core.ui.sign_in.headers.has_tls", lambda: False)
    assert sent(COOKIES) == COOKIES


def test_without_sign_in_nothing_is_changed(configure: Configure):
    configure(sign_in="off")
    assert seen((STRANGER, 5000), {USER: "admin@example.com"})["headers"] == {USER: "admin@example.com"}
    assert sent(COOKIES) == COOKIES
