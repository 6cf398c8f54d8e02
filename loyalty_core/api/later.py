"""The API, loaded after the server's first answers: its modules take as long to load as all the rest of the start."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from loyalty_core.api.identity import ReadSignIn


class LoadedLater:
    """An ASGI application that is made by `load`, or at the first request if that comes before."""

    def __init__(self, read_sign_in: ReadSignIn) -> None:
        self._read_sign_in = read_sign_in
        self._lock = threading.Lock()
        self._loaded: ASGIApp | None = None

    def load(self) -> ASGIApp:
        """The application; loads it once, whoever asks."""
        with self._lock:
            if self._loaded is None:
                from loyalty_core.api.application import create_api  # noqa: PLC0415

                self._loaded = create_api(self._read_sign_in)
            return self._loaded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        loaded = self._loaded or await run_in_threadpool(self.load)
        await loaded(scope, receive, send)
