"""A well-formed request for one customer's prediction is answered ahead of FastAPI, whose work costs more than that.

Everything else goes on to the routes, which do the same with validation and dependencies: batches, other models, and
whatever has to be explained.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from pydantic import ValidationError
from starlette.exceptions import HTTPException

from loyalty_core.access import Action, require
from loyalty_core.api.errors import answer_to
from loyalty_core.api.json_values import FastJSONResponse
from loyalty_core.api.predictions import PredictionRequest, mark, predict_one, routes_by_kind
from loyalty_core.errors import LoyaltyError
from loyalty_core.telemetry import note_viewer

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


# What programs send; the routes read every other Accept header.
_ACCEPTS_JSON = frozenset({None, b"*/*", b"application/json"})


class PredictionShortcut:
    """ASGI middleware around the routes, within the check of who is acting and the limits on bodies."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._routes = {route.path: (kind, route) for kind, route in routes_by_kind().items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._routes.get(_path(scope)) if _is_plain(scope) else None
        if found is None:
            await self._app(scope, receive, send)
            return
        kind, route = found
        try:
            message = await receive()
        except HTTPException as refused:
            response = answer_to(refused)
        else:
            customer_id = _customer_id(message)
            if customer_id is None:
                await self._app(scope, _starting_with(message, receive), send)
                return
            response = await _answer(kind, customer_id)
        scope["route"] = route  # for the log
        await response(scope, receive, send)


def _path(scope: Scope) -> str:
    return scope["path"].removeprefix(scope.get("root_path", ""))


def _is_plain(scope: Scope) -> bool:
    """Whether it is a POST of JSON without query parameters, by a client who accepts JSON."""
    if scope["type"] != "http" or scope["method"] != "POST" or scope["query_string"]:
        return False
    headers = dict(scope["headers"])
    return headers.get(b"content-type") == b"application/json" and headers.get(b"accept") in _ACCEPTS_JSON


def _customer_id(message: Message) -> str | None:
    """The customer whom the whole body names, if that is all it does."""
    if message["type"] != "http.request" or message.get("more_body"):
        return None
    with suppress(ValidationError):
        return PredictionRequest.model_validate_json(message.get("body", b"")).customer_id
    return None


def _starting_with(message: Message, receive: Receive) -> Receive:
    """Receives the message that was taken, then what comes after it."""
    taken = [message]

    async def receive_again() -> Message:
        return taken.pop() if taken else await receive()

    return receive_again


async def _answer(kind: str, customer_id: str) -> Response:
    try:
        note_viewer(require(Action.VIEW).id)
        answer = FastJSONResponse(await predict_one(kind, customer_id))
    except LoyaltyError as error:
        return answer_to(error)
    mark(answer)
    return answer
