"""Each request measured, logged in one line, and given an id."""

import re
import secrets
import time
from functools import lru_cache
from typing import Any

import structlog
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from loyalty_core.telemetry import REQUESTS, RequestFacts, current_request

_HEADER = b"x-request-id"
_WELL_FORMED = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_UNKNOWN_ROUTE = "unknown"


class Instrumentation:
    """ASGI middleware around screens and API, whose routes are below `api_root`.

    Logs and metrics have the template of the route instead of the path, which may contain a customer's id, and never
    the query string. What is not a route of the API is reported as the screens', at debug level in the log.
    """

    def __init__(self, app: ASGIApp, api_root: str) -> None:
        self._app = app
        self._api_root = api_root
        self._log = structlog.get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        facts = RequestFacts(_request_id(scope))
        token, started, status = current_request.set(facts), time.perf_counter(), 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (_HEADER, facts.id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            current_request.reset(token)
            self._report(scope, facts, status, time.perf_counter() - started)

    def _report(self, scope: Scope, facts: RequestFacts, status: int, seconds: float) -> None:
        is_api = scope.get("root_path", "").endswith(self._api_root)
        route = _route_template(scope) if is_api else "screens"
        method = scope["method"] if scope["method"] in _METHODS else "other"
        _duration(method, route, status).observe(seconds)
        write = self._log.info if is_api else self._log.debug
        write(
            "request",
            logger="loyalty_core.requests",
            method=method,
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 1),
            viewer=facts.viewer,
            request_id=facts.id,
        )


@lru_cache(maxsize=1024)
def _duration(method: str, route: str, status: int) -> Any:
    return REQUESTS.labels(method, route, str(status))


def _route_template(scope: Scope) -> str:
    """The path of the route as the API's description has it, such as /segments/{segment_id}/."""
    # FastAPI's name for a route of an included router; the route itself has the path without the router's prefix.
    route = scope.get("fastapi", {}).get("effective_route_context") or scope.get("route")
    return _UNKNOWN_ROUTE if isinstance(route, Mount) else getattr(route, "path_format", _UNKNOWN_ROUTE)


def _request_id(scope: Scope) -> str:
    """The client's own id if it is well-formed, otherwise a new one."""
    for name, value in scope["headers"]:
        if name == _HEADER and _WELL_FORMED.fullmatch(value):
            return value.decode()
    return secrets.token_hex(8)
