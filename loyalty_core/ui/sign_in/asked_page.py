"""The page that somebody opened by a link before they signed in, to which they return afterwards.

Streamlit returns everybody to the first page. The page travels in a cookie that lasts ten minutes, and only a screen of
this app is ever returned to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

import streamlit as st

from loyalty_core.ui.navigation import SCREENS
from loyalty_core.ui.sign_in.streamlit_sign_in import app_address, cookies_of, header_of

if TYPE_CHECKING:
    from starlette.types import Message, Scope

COOKIE = "_loyalty_asked_page"
_LOGIN, _CALLBACK = "/auth/login", "/oauth2callback"
_SECONDS = 600
# Browsers keep no cookie beyond 4,096 bytes; the page is then returned to without its parameters.
_LONGEST = 3_500
_SIGNED_IN = b"_streamlit_user="


def returning(scope: Scope, message: Message) -> Message:
    """The message that starts the response to a request of signing in, with the page remembered or returned to."""
    if message["type"] != "http.response.start":
        return message
    if scope["path"].endswith(_LOGIN) and (page := _page_of(header_of(scope, b"referer"))):
        return {**message, "headers": [*message["headers"], _set_cookie(quote(page, safe=""), _SECONDS)]}
    if scope["path"].endswith(_CALLBACK) and _has_signed_in(message):
        page = _screen(unquote(cookies_of(scope).get(COOKIE, "")))
        headers = [(name, value) for name, value in message["headers"] if page is None or name.lower() != b"location"]
        location = [] if page is None else [(b"location", page.encode())]
        return {**message, "headers": [*headers, *location, _set_cookie("", 0)]}
    return message


def _has_signed_in(message: Message) -> bool:
    values = [value for name, value in message["headers"] if name.lower() == b"set-cookie"]
    return any(value.startswith(_SIGNED_IN) and b"max-age=0" not in value.lower() for value in values)


def _page_of(address: str) -> str | None:
    """The screen, with its parameters, that an address of this app shows; None for any other address."""
    here, found = urlsplit(app_address()), urlsplit(address)
    if (found.scheme, found.netloc) != (here.scheme, here.netloc):
        return None
    page = f"{found.path}?{found.query}" if found.query else found.path
    return _screen(page if len(quote(page, safe="")) <= _LONGEST else found.path)


def _screen(page: str) -> str | None:
    path, _, query = page.partition("?")
    is_plain = query.isascii() and query.isprintable() and " " not in query
    return page if path in _screens() and is_plain else None


def _screens() -> set[str]:
    return {f"{_base()}/{screen.path}" for screen in SCREENS} | {f"{_base()}/"}


def _base() -> str:
    path = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


def _set_cookie(value: str, seconds: int) -> tuple[bytes, bytes]:
    cookie = f"{COOKIE}={value}; Path={_base() or '/'}; Max-Age={seconds}; HttpOnly; SameSite=Lax"
    return b"set-cookie", cookie.encode()
