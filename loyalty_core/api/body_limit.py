"""Limits on the size of request bodies and on the time they take to arrive."""

import asyncio
import time

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """Rejects a body as soon as it exceeds `max_bytes`, or if it is not complete after `seconds`.

    Starlette's own limit is not used, since it responds in plain text instead of the API's error format.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, seconds: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        received, is_complete = 0, False
        deadline = time.monotonic() + self._seconds

        async def receive_within_limits() -> Message:
            nonlocal received, is_complete
            if is_complete:  # the next message says that the client has disconnected
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), deadline - time.monotonic())
            except TimeoutError:
                raise HTTPException(408, f"The body did not arrive within {self._seconds:g} seconds.") from None
            received += len(message.get("body", b""))
            is_complete = not message.get("more_body", False)
            if received > self._max_bytes:
                raise HTTPException(413, f"The body is too large; send at most {self._max_bytes // 2**20} MiB.")
            return message

        await self._app(scope, receive_within_limits, send)
