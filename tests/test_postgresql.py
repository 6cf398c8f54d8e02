"""Waits for a PostgreSQL that answers others; a frozen one has tests of its own."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text

from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.postgresql import Limits, NoAnswer, answers, bounded_engine
from loyalty_core.settings import with_driver
from loyalty_core.store import StateStore
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection


def connect(url: str, limits: Limits) -> Iterator[Connection]:
    engine = bounded_engine(with_driver(url), limits)
    with closing(engine.raw_connection()), engine.connect() as connection:
        yield connection
    engine.dispose()


def test_a_long_statement_goes_on_while_the_server_answers_others(postgres_url: str):
    for connection in connect(postgres_url, Limits(answer_seconds=0.2)):
        assert connection.scalar(text("SELECT 'done' FROM pg_sleep(1)")) == "done"


def test_a_statement_with_a_limit_ends_and_its_connection_is_closed(postgres_url: str):
    for connection in connect(postgres_url, Limits(answer_seconds=60, statement_seconds=2)):
        with pytest.raises(Exception, match=r"no answer within 2 s") as stopped:
            connection.execute(text("SELECT pg_sleep(600)"))
        assert isinstance(stopped.value.__cause__, NoAnswer)
        assert connection.invalidated
        connection.rollback()
        assert connection.scalar(select(1)) == 1


def test_a_refusal_is_an_answer(postgres_url: str):
    address = with_driver(postgres_url)
    refused = address.set(password="wrong").render_as_string(hide_password=False)
    nobody = address.set(port=free_port()).render_as_string(hide_password=False)
    assert [answers(url.replace("+psycopg", ""), 60) for url in (postgres_url, refused, nobody)] == [True] * 3


def test_who_waits_for_a_lock_of_the_store_for_too_long_is_told_so(postgres_database: str):
    with StateStore(postgres_database, timeout_seconds=60) as holder:
        holder.migrate()
        with holder.session() as session:
            holder.dialect.lock_checks(session)
            with (
                StateStore(postgres_database, timeout_seconds=0.5) as waiter,
                pytest.raises(StateStoreUnavailable, match="held the write lock for too long"),
                waiter.session() as waiting,
            ):
                waiter.dialect.lock_checks(waiting)
