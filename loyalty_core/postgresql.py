"""Connections to PostgreSQL on which every wait ends, also if the server accepts connections but never answers.

A frozen server's machine still acknowledges what it receives, so no option of TCP ends such a wait, and a request to
cancel would wait for the same server. The waiting side therefore closes its connection and goes on without it.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, create_engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from sqlalchemy.engine import Engine

# A busy server may be slow to accept a connection, and what waits for it may be hours of work.
_PROBE_FACTOR = 3


class NoAnswer(psycopg.OperationalError):
    """The server did not answer in time, and the connection was closed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a connection waits for its server.

    A round trip that needs no work, such as the check of a pooled connection, takes at most `answer_seconds`. Any other
    wait takes at most `statement_seconds`; where that is None, it lasts as long as the server, asked every
    `answer_seconds` on another connection, still answers.
    """

    answer_seconds: float
    statement_seconds: float | None = None


def bounded_engine(url: URL, limits: Limits, **options: Any) -> Engine:
    """`create_engine` for psycopg with these limits; its connections are checked before they are used again."""
    return create_engine(url.set(drivername="postgresql+bounded"), limits=limits, pool_pre_ping=True, **options)


def address_of(connection: psycopg.Connection[Any]) -> str:
    """How to connect to where that connection goes, password included."""
    return make_conninfo(**connection.info.get_parameters(), password=connection.info.password)


def answers(address: str, answer_seconds: float) -> bool:
    """Whether the server accepts or refuses a new connection; a refusal is an answer as well."""
    try:
        psycopg.connect(address, connect_timeout=max(1, round(answer_seconds * _PROBE_FACTOR))).close()
    except psycopg.errors.ConnectionTimeout:
        return False
    except psycopg.OperationalError:
        pass
    return True


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that closes itself and raises `NoAnswer` when the server is silent beyond the limit."""

    limits = Limits(answer_seconds=60)
    _is_round_trip = False

    def wait(self, gen: Generator[Any, Any, Any], *arguments: Any, **options: Any) -> Any:
        """Every wait of the driver passes here."""
        return super().wait(self._bounded(gen), *arguments, **options)

    @contextmanager
    def round_trip(self) -> Iterator[None]:
        """What is asked in this block needs no work by the server."""
        self._is_round_trip = True
        try:
            yield
        finally:
            self._is_round_trip = False

    def _bounded(self, waits: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        limit = self.limits.answer_seconds if self._is_round_trip else self.limits.statement_seconds
        seconds = self.limits.answer_seconds if limit is None else limit
        due = time.monotonic() + seconds
        try:
            state = next(waits)
            while True:
                # Nothing is ready at regular intervals, so that the time is looked at while the server is silent.
                ready = yield state
                if not ready and time.monotonic() > due:
                    if limit is not None or not answers(address_of(self), seconds):
                        self.close()
                        raise NoAnswer(f"no answer within {seconds:g} s")
                    due = time.monotonic() + seconds
                state = waits.send(ready)
        except StopIteration as done:
            return done.value


class BoundedDialect(PGDialect_psycopg):
    """SQLAlchemy's dialect for psycopg, with `BoundedConnection`."""

    supports_statement_cache = True

    def __init__(self, limits: Limits, **options: Any) -> None:
        super().__init__(**options)
        self.limits = limits

    def connect(self, *arguments: Any, **options: Any) -> Any:
        """A connection with these limits."""
        connection = BoundedConnection.connect(*arguments, **options)
        connection.limits = self.limits
        return connection

    def do_ping(self, dbapi_connection: Any) -> Literal[True]:
        """As SQLAlchemy does, within the time of a round trip."""
        with dbapi_connection.round_trip():
            return super().do_ping(dbapi_connection)

    def do_rollback(self, dbapi_connection: Any) -> None:
        """As SQLAlchemy does, within the time of a round trip."""
        with dbapi_connection.round_trip():
            super().do_rollback(dbapi_connection)

    def do_commit(self, dbapi_connection: Any) -> None:
        """As SQLAlchemy does; the error says where nobody knows whether the server has committed."""
        try:
            super().do_commit(dbapi_connection)
        except NoAnswer as error:
            raise NoAnswer(f"no answer to COMMIT: {error}") from error


registry.register("postgresql.bounded", __name__, BoundedDialect.__name__)
