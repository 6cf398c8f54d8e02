"""Clients that hold a connection without sending what they began, against a server on a socket."""

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psutil
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from loyalty_core.api import IdleConnections
from loyalty_core.api.body_limit import BodyLimit
from tests.fixtures.api import serving

WAIT_SECONDS = 60
# Long enough for a busy machine to send a request that is meant to be in time.
LIMIT_SECONDS = 1.5
POST = b"POST /length HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"


@dataclass
class Server:
    """A server that closes idle connections after `LIMIT_SECONDS`; `/slow` answers when `release` is set."""

    port: int = 0
    waiting: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)

    def connect(self, sent: bytes = b"") -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_SECONDS)
        connection.sendall(sent)
        return connection


@pytest.fixture
def server() -> Iterator[Server]:
    server, connections = Server(), IdleConnections(seconds=LIMIT_SECONDS)

    def slow(_: Request) -> PlainTextResponse:
        server.waiting.set()
        assert server.release.wait(WAIT_SECONDS)
        return PlainTextResponse("done")

    async def length(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with connections.closing():
            yield

    app = Starlette(routes=[Route("/slow", slow), Route("/length", length, methods=["POST"])], lifespan=lifespan)
    app.add_middleware(BodyLimit, max_bytes=1000, max_levels=10, seconds=LIMIT_SECONDS)
    # An idle connection is uvicorn's to close in a hundred seconds only.
    with serving(connections.track(app), timeout_keep_alive=100) as server.port:
        try:
            yield server
        finally:
            server.release.set()


def answer(connection: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    received = b""
    while part := connection.recv(65_536):
        received += part
    return received


def test_connections_without_a_request_are_closed_and_those_with_one_are_not(server: Server) -> None:
    with (
        server.connect() as silent,
        server.connect(b"GET /slow HTTP/1.1\r\nHost: a\r\nX-Half: ") as half,
        server.connect(b"GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") as asking,
    ):
        assert server.waiting.wait(WAIT_SECONDS)
        assert answer(silent) == answer(half) == b""
        server.release.set()
        assert answer(asking).endswith(b"done")


def test_the_watch_goes_on_after_errors_and_logs_each_once(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real, failures = psutil.Process.net_connections, iter(["denied", "denied", "no file is left"])

    def fail_three_times(process: psutil.Process, kind: str) -> object:
        for reason in failures:
            raise psutil.AccessDenied(msg=reason)
        return real(process, kind)

    monkeypatch.setattr(psutil.Process, "net_connections", fail_three_times)
    with server.connect() as silent:
        assert answer(silent) == b""
    logged = [record.getMessage() for record in caplog.records if record.name == "loyalty_core.api.connections"]
    assert len(logged) == 2
    assert "denied" in logged[0]
    assert "no file is left" in logged[1]


def test_a_second_request_that_never_ends_is_closed(server: Server) -> None:
    server.release.set()
    with server.connect(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /slow HTTP/1.1\r\nX-Half: ") as connection:
        assert answer(connection).endswith(b"done")


def test_a_body_that_does_not_come_is_refused(server: Server) -> None:
    with server.connect(POST + b"Content-Length: 5\r\n\r\nab") as connection:
        received = answer(connection)
    assert received.startswith(b"HTTP/1.1 408 ")
    assert received.endswith(b"The body did not arrive within 1.5 seconds.")


def test_a_body_that_comes_is_read(server: Server) -> None:
    request = POST + b"Connection: close\r\nContent-Length: 5\r\n\r\nabcde"
    with server.connect(request) as connection:
        assert answer(connection).endswith(b"5")
