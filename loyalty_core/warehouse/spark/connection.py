"""A session of Spark's Thrift server, over the calls of impyla: statements are sent, awaited, fetched and stopped."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from impala.error import Error, HiveServer2Error, NotSupportedError, OperationalError
from impala.hiveserver2 import HS2Service, HS2Session, Operation, ThriftClient, get_socket, get_transport
from thrift.protocol.TBinaryProtocol import TBinaryProtocolAccelerated
from thrift.Thrift import TException

from loyalty_core.warehouse.spark.columns import DeclaredColumn, array_of
from loyalty_core.warehouse.spark.cursor import Cursor

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# States of an operation in Hive's protocol.
_FINISHED, _CANCELED, _CLOSED, _ERROR = 2, 3, 4, 5
_ENDED = frozenset({_FINISHED, _CANCELED, _CLOSED, _ERROR})
_LOST = (OSError, EOFError, TException)
_CANCELLED = "The statement was cancelled: execution time exceeded."
# A statement that is cancelled while Spark plans it is reported as cancelled, and its jobs then run to their end.
_PLANNING_SECONDS = 5.0


class StatementFailed(OperationalError):
    """Spark's own error, with the SQLSTATE that it gives."""

    def __init__(self, message: str, sqlstate: str = "") -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class ConnectionLost(OperationalError):
    """The server no longer answers on this connection."""


@dataclass(frozen=True)
class Server:
    """Where a Thrift server is and how to sign in; `auth` is NOSASL, PLAIN, LDAP or GSSAPI.

    Connecting fails after `connect_seconds`, any other call after `answer_seconds` of silence.
    """

    host: str
    port: int = 10000
    user: str = ""
    password: str | None = None
    auth: str = "PLAIN"
    kerberos_service: str = "hive"
    use_ssl: bool = False
    ca_cert: str | None = None
    connect_seconds: float = 10.0
    answer_seconds: float = 60.0


def connect(server: Server) -> Connection:
    """A session on the server; raises `OperationalError` where it does not answer."""
    with _readable_transport_errors():
        service, sock = _open_service(server)
        sock.setTimeout(server.answer_seconds * 1000)
        try:
            session = service.open_session(server.user or "loyalty")
        except BaseException:
            service.close()
            raise
    return Connection(server, service, sock, session)


class Connection:
    """One session; a statement that runs in it can be stopped from another thread."""

    def __init__(self, server: Server, service: Any, sock: Any, session: Any) -> None:
        self._server = server
        self._service = service
        self._socket = sock
        self._session = session
        self._running: Any = None
        self._sent_at = 0.0
        self.is_usable = True

    def cursor(self) -> Cursor:
        return Cursor(self)

    def ping(self) -> bool:
        """Whether the session answers, which takes no statement."""
        with contextlib.suppress(*_LOST, Error):
            return self._session.ping()
        return False

    def interrupt(self) -> None:
        """Stop the statement that runs, over a connection of its own: this one is busy waiting.

        Nothing happens before one runs, and while Spark may still be planning it: call it again until the wait ends.
        Where the server does not take the call, the wait ends with the connection.
        """
        operation, known = self._running, self._session
        if operation is None or time.monotonic() < self._sent_at + _PLANNING_SECONDS:
            return
        try:
            service, _ = _open_service(self._server)
            with contextlib.closing(service):
                session = HS2Session(service, known.handle, known.config, known.hs2_protocol_version)
                Operation(session, operation.handle).cancel()
        except (*_LOST, Error):
            self._hang_up()

    def commit(self) -> None:
        """Every statement of Spark is a transaction."""

    def rollback(self) -> None:
        """Nothing to undo."""

    def close(self) -> None:
        with contextlib.suppress(*_LOST, Error):
            if self.is_usable:
                self._session.close()
        with contextlib.suppress(*_LOST):
            self._service.close()

    def start(self, statement: str) -> Any:
        """Send a statement; it runs in the background of the server."""
        with self._reported():
            operation = self._session.execute(statement, run_async=True)
        self._sent_at, self._running = time.monotonic(), operation
        return operation

    def wait(self, operation: Any) -> None:
        """Return once the statement has ended; raises `StatementFailed` unless it succeeded."""
        with self._reported():
            state = operation.get_state()  # the server answers at the end of the statement, or after some seconds
            while state.operationState not in _ENDED:
                state = operation.get_state()
        if state.operationState == _ERROR:
            raise StatementFailed(_plain(state.errorMessage or ""), state.sqlState or "")
        if state.operationState != _FINISHED:
            raise StatementFailed(_CANCELLED, "57014")

    def fetch(self, operation: Any, columns: Sequence[DeclaredColumn], rows: int) -> pa.RecordBatch:
        """The next rows, none at the end."""
        schema = [column.described for column in columns]
        with self._reported():
            found = operation.fetch(schema, rows, convert_types=False, convert_strings_to_unicode=False)
        arrays = [array_of(column, declared) for column, declared in zip(found.columns, columns, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=pa.schema([column.field for column in columns]))

    def columns_of(self, operation: Any) -> list[DeclaredColumn]:
        """The columns of the result."""
        if not operation.has_result_set:
            return []
        with self._reported():
            try:
                described = operation.get_result_schema()
            except KeyError as error:
                raise NotSupportedError(
                    "A column has a type that cannot be read, such as INTERVAL. Cast it to STRING in the query."
                ) from error
        return [DeclaredColumn(name, kind, precision, scale) for name, kind, _, _, precision, scale, _ in described]

    def end(self, operation: Any) -> None:
        """Release the statement; one that still runs is stopped."""
        self._running = None
        with contextlib.suppress(*_LOST, Error):
            if self.is_usable:
                operation.close()

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except _LOST as error:
            self.is_usable = False
            raise ConnectionLost(f"The connection is lost: {error or type(error).__name__}") from error
        except HiveServer2Error as error:
            raise StatementFailed(_plain(str(error))) from error

    def _hang_up(self) -> None:
        self.is_usable = False
        handle = self._socket.handle
        if handle is not None:
            with contextlib.suppress(OSError):
                handle.shutdown(socket.SHUT_RDWR)


def _open_service(server: Server) -> tuple[Any, Any]:
    """The service, which is not yet a session, and its socket."""
    sock = get_socket(server.host, server.port, server.use_ssl, server.ca_cert, verify_cert=server.use_ssl)
    sock.setTimeout(server.connect_seconds * 1000)
    transport = get_transport(
        sock, server.host, server.kerberos_service, server.auth, server.user or "loyalty", server.password or "none"
    )
    transport.open()
    return HS2Service(ThriftClient(TBinaryProtocolAccelerated(transport)), retries=1), sock


@contextlib.contextmanager
def _readable_transport_errors() -> Iterator[None]:
    try:
        yield
    except _LOST as error:
        raise OperationalError(str(error) or type(error).__name__) from error


def _plain(message: str) -> str:
    """Spark's message without the names of the classes around it and without its plan."""
    text = message.partition("Error running query: ")[2] or message
    head, found, rest = text.partition("] ")
    if found and rest.partition(": ")[0].replace(".", "").isalnum() and head.startswith("["):
        text = rest.partition(": ")[2] or text
    return text.strip().partition("\n")[0]
