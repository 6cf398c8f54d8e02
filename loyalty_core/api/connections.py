"""Connections on which no request arrives are closed; else they stay open for as long as the client likes."""

import asyncio
import logging
import os
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psutil
from starlette.types import ASGIApp, Receive, Scope, Send

_log = logging.getLogger(__name__)

_Client = tuple[str, int]


class IdleConnections:
    """Closes each connection that has served nothing for `seconds`, be it silent or in the middle of its headers.

    uvicorn closes an open connection 5 seconds after an answer, but waits for the rest of a request without end.
    Behind a proxy that names its clients in headers, connections are the proxy's, and it has limits of its own.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._serving = Counter[_Client]()
        self._idle_since: dict[_Client, float] = {}
        self._is_behind_proxy = False

    def track(self, app: ASGIApp) -> ASGIApp:
        """The app, its requests and WebSockets counted while they are open."""

        async def tracked(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan" or not scope.get("client") or self._is_behind_proxy:
                await app(scope, receive, send)
                return
            client = scope["client"][0], scope["client"][1]
            self._is_behind_proxy = client[1] == 0  # uvicorn knows the address of a proxy's client, not its port
            self._serving[client] += 1
            try:
                await app(scope, receive, send)
            finally:
                self._serving[client] -= 1
                self._idle_since[client] = time.monotonic()

        return tracked

    @asynccontextmanager
    async def closing(self) -> AsyncIterator[None]:
        """Look for idle connections until the block ends."""
        looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking

    async def _look(self) -> None:
        reported = ""
        while not self._is_behind_proxy:
            await asyncio.sleep(self._seconds / 3)
            try:
                self._close_idle(time.monotonic())
            except Exception as error:  # noqa: BLE001 -- one look may fail, for want of files for example; the next may not
                if str(error) != reported:
                    _log.warning("Idle connections cannot be closed at present: %s", error)
                reported = str(error)

    def _close_idle(self, now: float) -> None:
        connections = psutil.Process().net_connections("tcp")
        ports = {each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN}
        clients: set[_Client] = set()
        for each in connections:
            if each.status == psutil.CONN_ESTABLISHED and each.laddr.port in ports:
                with suppress(OSError), socket.socket(fileno=os.dup(each.fd)) as connection:
                    client = connection.getpeername()[:2]
                    clients.add(client)
                    if not self._serving[client] and now - self._idle_since.setdefault(client, now) >= self._seconds:
                        connection.shutdown(socket.SHUT_RDWR)
        self._idle_since = {client: since for client, since in self._idle_since.items() if client in clients}
        self._serving = Counter({client: count for client, count in self._serving.items() if count})
