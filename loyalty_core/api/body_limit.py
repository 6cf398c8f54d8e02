"""Limits on request bodies: their type, their size, how deeply they are nested, and the time they take to arrive."""

import re

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from loyalty_core.api.deadlines import Deadlines

_JSON = re.compile(r"application/([\w.+-]+\+)?json\s*(;.*)?", re.IGNORECASE)
# Strings, whose brackets do not count. Possessive, so that one without an end takes no longer than others.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class BodyLimit:
    """Rejects a body that is not JSON, or exceeds `max_bytes` or `max_levels`, or is not complete after `seconds`.

    A body that is too large is rejected as soon as it is. Starlette's own limit is not used, since it responds in plain
    text instead of the API's error format. Pages below `form_paths` take forms instead of JSON.
    """

    def __init__(
        self, app: ASGIApp, max_bytes: int, max_levels: int, seconds: float, form_paths: tuple[str, ...] = ()
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._max_levels = max_levels
        self._seconds = seconds
        self._deadlines = Deadlines(seconds)
        self._form_paths = form_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        parts: list[bytes] = []
        received, is_complete = 0, False
        path = str(scope.get("path", "")).removeprefix(scope.get("root_path", ""))
        takes_forms = path.startswith(self._form_paths)
        deadline = self._deadlines.next()

        async def receive_within_limits() -> Message:
            nonlocal received, is_complete
            if is_complete:  # the next message says that the client has disconnected
                return await receive()
            try:
                message = await self._deadlines.wait(receive(), deadline)
            except TimeoutError:
                raise HTTPException(408, f"The body did not arrive within {self._seconds:g} seconds.") from None
            part = message.get("body", b"")
            parts.append(part)
            received += len(part)
            is_complete = not message.get("more_body", False)
            self._check_size(received)
            if is_complete and received and not takes_forms:
                _check_type(_content_type(scope))
                self._check_levels(b"".join(parts))
            return message

        await self._app(scope, receive_within_limits, send)

    def _check_size(self, received: int) -> None:
        if received > self._max_bytes:
            raise HTTPException(413, f"The body is too large; send at most {self._max_bytes // 2**20} MiB.")

    def _check_levels(self, body: bytes) -> None:
        """Python's parser would fail with an error of its own, some hundreds of levels deeper."""
        if body.count(b"[") + body.count(b"{") > self._max_levels and _is_deeper(body, self._max_levels):
            raise HTTPException(422, f"The body is nested more than {self._max_levels} levels deep.")


def _content_type(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"content-type"), "")


def _check_type(content_type: str) -> None:
    if content_type != "application/json" and not _JSON.fullmatch(content_type.strip()):
        given = f"not {content_type[:60]!r}" if content_type else "and name the type"
        raise HTTPException(415, f"Send JSON, {given}: the header must be Content-Type: application/json.")


def _is_deeper(body: bytes, most: int) -> bool:
    """Whether lists and objects are nested more than `most` levels deep; correct for JSON that parses."""
    level = 0
    for bracket in _STRING.sub(b"", body).translate(None, _NO_BRACKETS):
        level += 1 if bracket in b"[{" else -1
        if level > most:
            return True
    return False
