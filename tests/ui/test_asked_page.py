"""Signing in leads back to the screen that was asked for, and to no other address."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import streamlit as st

from loyalty_core.ui.sign_in import SignInHeaders
from loyalty_core.ui.sign_in.asked_page import COOKIE

if TYPE_CHECKING:
    from tests.workbench import Configure

HERE = "https://loyalty.example"
SIGNED_IN = (b"set-cookie", b"_streamlit_user=abc; Path=/; HttpOnly")
TO_THE_START = (b"location", b"/")


@pytest.fixture(autouse=True)
def _sign_in(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(sign_in="openid")
    monkeypatch.setattr("loyalty_core.ui.sign_in.asked_page.app_address", lambda: f"{HERE}/oauth2callback")
    monkeypatch.setattr("loyalty_core.ui.sign_in.headers.has_tls", lambda: True)


def answered(path: str, headers: dict[str, str], *own: tuple[bytes, bytes]) -> list[tuple[str, str]]:
    """The headers of the response to a request, where the app behind the middleware sends `own`."""
    messages: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 302, "headers": list(own)})

    async def send(message: Any) -> None:
        messages.append(message)

    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "path": path, "client": ("192.0.2.7", 5000), "headers": encoded}
    asyncio.run(SignInHeaders(app)(scope, send, send))
    return [(name.decode(), value.decode()) for name, value in messages[0]["headers"]]


def remembered(address: str) -> list[tuple[str, str]]:
    return answered("/auth/login", {"referer": address})


def returned_to(cookie: str, *own: tuple[bytes, bytes]) -> list[tuple[str, str]]:
    return answered("/oauth2callback", {"cookie": f"{COOKIE}={cookie}"}, *own)


@pytest.mark.parametrize("page", ["/segments", "/segments?find=gold&tag=a%20b", "/customers?customer_id=C-1", "/"])
def test_a_screen_is_returned_to_with_its_parameters(page: str):
    [(name, cookie)] = remembered(HERE + page)
    assert name == "set-cookie"
    value, *attributes = cookie.split("; ")
    assert attributes == ["Path=/", "Max-Age=600", "HttpOnly", "SameSite=Lax", "Secure"]
    found = returned_to(value.removeprefix(f"{COOKIE}="), TO_THE_START, SIGNED_IN)
    assert [one for one in found if one[0] == "location"] == [("location", page)]
    assert found[-1] == ("set-cookie", f"{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://evil.example/segments",
        "http://loyalty.example/segments",
        "https://loyalty.example:8443/segments",
        f"{HERE}/auth/logout",
        f"{HERE}/api/loyalty/v1/segments/",
        f"{HERE}//evil.example",
    ],
)
def test_no_other_address_is_remembered(address: str):
    assert remembered(address) == []


@pytest.mark.parametrize(
    "page",
    [
        "",
        "//evil.example/segments",
        "https://evil.example/segments",
        "/\\evil.example",
        "/auth/logout",
        "/segments/../auth/logout",
        "/segments?a=1\r\nSet-Cookie: b=1",
        "/segments?a=b c",
        "/segments?name=Bodø",
    ],
)
def test_a_forged_cookie_leads_nowhere_else(page: str):
    found = returned_to(quote(page, safe=""), TO_THE_START, SIGNED_IN)
    assert [one for one in found if one[0] == "location"] == [("location", "/")]


def test_whoever_has_not_signed_in_is_returned_to_the_start():
    cleared = (b"set-cookie", b"_streamlit_user=; Max-Age=0; Path=/; Secure")
    assert returned_to(quote("/segments", safe=""), TO_THE_START, cleared) == [
        ("location", "/"),
        ("set-cookie", cleared[1].decode()),
    ]


def test_parameters_that_fit_in_no_cookie_are_left_out():
    [(_, cookie)] = remembered(f"{HERE}/segments?rule={'x' * 4_000}")
    assert cookie.startswith(f"{COOKIE}=%2Fsegments; ")


def test_below_a_path_of_its_own(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(st, "get_option", lambda name: "crm")
    assert remembered(f"{HERE}/segments") == []
    [(_, cookie)] = remembered(f"{HERE}/crm/segments")
    assert cookie.startswith(f"{COOKIE}=%2Fcrm%2Fsegments; Path=/crm; ")
