"""A limit on the size of request bodies, enforced before they are read."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """Refuses a body as soon as it has more than `most_bytes`.

    Starlette has such a limit too, but answers in plain text where the API has one shape for errors.
    """

    def __init__(self, app: ASGIApp, most_bytes: int) -> None:
        self._app = app
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._most_bytes:
                raise HTTPException(413, f"The body is too large; send at most {self._most_bytes // 2**20} MiB.")
            return message

        await self._app(scope, receive_within_limit, send)
