"""Limits on the size of request bodies and on the time they take to arrive."""

import asyncio
import time

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """Refuses a body as soon as it has more than `most_bytes`, or is not complete after `seconds`.

    Starlette limits the size too, but answers in plain text where the API has one shape for errors.
    """

    def __init__(self, app: ASGIApp, most_bytes: int, seconds: float) -> None:
        self._app = app
        self._most_bytes = most_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        received, is_complete = 0, False
        deadline = time.monotonic() + self._seconds

        async def receive_within_limits() -> Message:
            nonlocal received, is_complete
            if is_complete:  # what comes now is that the client has gone
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), deadline - time.monotonic())
            except TimeoutError:
                raise HTTPException(408, f"The body did not arrive within {self._seconds:g} seconds.") from None
            received += len(message.get("body", b""))
            is_complete = not message.get("more_body", False)
            if received > self._most_bytes:
                raise HTTPException(413, f"The body is too large; send at most {self._most_bytes // 2**20} MiB.")
            return message

        await self._app(scope, receive_within_limits, send)
