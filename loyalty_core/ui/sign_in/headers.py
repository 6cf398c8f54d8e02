"""What has to happen to requests and responses before Streamlit sees them, so that a sign-in can be trusted."""

from __future__ import annotations

import ipaddress
import logging
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from loyalty_core.errors import LoyaltyError
from loyalty_core.names import between_commas
from loyalty_core.services import services_of_process
from loyalty_core.settings import get_settings
from loyalty_core.ui.sign_in.asked_page import COOKIE, returning
from loyalty_core.ui.sign_in.streamlit_sign_in import has_tls, sign_in_of_request

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger(__name__)
_LOGOUT = "/auth/logout"
_COOKIES = (b"_streamlit", COOKIE.encode())
# uvicorn replaces the address of a client that comes through a proxy on this machine, and its port by this one.
_FORWARDED_PORT = 0


class SignInHeaders:
    """ASGI middleware around the whole app.

    Removes the proxy's header from what other machines send; ends a sign-in in the state store when its cookie is
    deleted, so that a copy of the cookie is worth nothing; returns people to the page that they asked for before they
    signed in; and marks cookies as Secure behind TLS.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        settings = get_settings()
        if scope["type"] not in {"http", "websocket"} or settings.sign_in == "off":
            await self._app(scope, receive, send)
            return
        if settings.sign_in == "proxy":
            await self._app(_with_trusted_headers(scope), receive, send)
            return
        if scope["type"] == "http" and scope["path"].endswith(_LOGOUT):
            await run_in_threadpool(_end, scope)

        async def send_secure(message: Message) -> None:
            message = returning(scope, message) if scope["type"] == "http" else message
            if message["type"] == "http.response.start" and has_tls():
                headers = [(name, _secure(name, value)) for name, value in message["headers"]]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, send_secure)


def _end(scope: Scope) -> None:
    sign_in = sign_in_of_request(scope)
    if sign_in is None:
        return
    try:
        services_of_process().viewers.end(sign_in)
    except LoyaltyError as error:  # the cookie is removed from the browser nevertheless
        _log.error("A sign-out could not be recorded: %s", error)


def _secure(name: bytes, value: bytes) -> bytes:
    is_ours = name.lower() == b"set-cookie" and value.startswith(_COOKIES) and b"; secure" not in value.lower()
    return value + b"; Secure" if is_ours else value


def _with_trusted_headers(scope: Scope) -> Scope:
    """The request without the user's header, unless it comes from a trusted proxy; then with the client's address."""
    settings = get_settings()
    networks = [ipaddress.ip_network(network) for network in settings.trusted_proxies]
    if not _is_trusted(scope.get("client"), networks):
        unwanted = settings.proxy_user_header.lower().encode()
        return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != unwanted]}
    forwarded = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")
    for address in reversed(between_commas(forwarded)):
        if not _is_within(address, networks):
            return {**scope, "client": (address, _FORWARDED_PORT)}
    return scope


def _is_trusted(client: Any, networks: list[Any]) -> bool:
    if client is None:  # a Unix socket, which only this machine reaches
        return True
    host, port = client
    # With a forwarded address, the sender itself was on this machine.
    return _is_within("127.0.0.1" if port == _FORWARDED_PORT else host, networks)


def _is_within(address: str, networks: list[Any]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in networks)
