"""The warehouse is only read and no statement runs forever, also with PgBouncer in front of PostgreSQL."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from loyalty_core.errors import LoyaltyError, QueryTimeout, SettingsError, WarehouseUnavailable
from loyalty_core.warehouse import FeatureStore, Warehouse
from loyalty_core.warehouse.guards import Guards
from loyalty_core.warehouse.history import HistoryTable, find_history
from tests.fixtures.warehouses import CUSTOMERS, PostgresDatabase, address, in_time
from tests.pooler import PgBouncer
from tests.servers import ServerMissing
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fixtures.warehouses import Backend
    from tests.servers import PostgresServer

# What an account, a database or another client of the pool may have set before.
_UNGUARDED = "SET default_transaction_read_only = off; SET statement_timeout = 0; SET TimeZone = 'Asia/Tokyo'"
_ENDLESS = sa.select(sa.func.count().label("n")).select_from(
    sa.func.generate_series(1, 1_000_000).alias("a").join(sa.func.generate_series(1, 1_000_000).alias("b"), sa.true())
)


@contextmanager
def pooler(server: PostgresServer, pool_mode: str, *, ignored: str = "", sessions: int = 4) -> Iterator[PgBouncer]:
    pooling = PgBouncer(server)
    try:
        pooling.start(pool_mode, ignored=ignored, sessions=sessions)
    except ServerMissing as error:
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(str(error))
        pytest.skip(str(error))
    try:
        yield pooling
    finally:
        pooling.stop()


@pytest.fixture(
    params=[("transaction", ""), ("transaction", "options,extra_float_digits"), ("session", "")],
    ids=["transaction", "transaction, ignoring options", "session"],
)
def pooled(request: pytest.FixtureRequest, postgres_server: PostgresServer, postgres_database: str) -> Iterator[str]:
    """The four customers by way of PgBouncer."""
    PostgresDatabase(postgres_database).execute(CUSTOMERS + "CREATE SEQUENCE numbers;")
    pool_mode, ignored = request.param
    with pooler(postgres_server, pool_mode, ignored=ignored) as pooling:
        yield pooling.url(postgres_database)


def test_everything_works_and_is_guarded_behind_pgbouncer(pooled: str, open_warehouse: Callable[..., Warehouse]):
    """One test, since each pooler takes a moment to start."""
    warehouse = open_warehouse(pooled, dwh_statement_timeout_seconds=20)
    assert warehouse.health().guards == Guards(refuses_writes=True, limits_time=True)
    assert FeatureStore(warehouse).get("C1")["city"] == "Oslo"
    assert warehouse.catalog().customers == 4
    in_bulk = warehouse.fetch_arrow(sa.select(warehouse.features).order_by(warehouse.customer_id))
    assert in_bulk["customer_id"].to_pylist() == ["C1", "C2", "C3", "C4"]
    check_writing_is_refused(warehouse)
    check_predictions_are_written(warehouse)
    check_statements_are_stopped(open_warehouse(pooled, dwh_statement_timeout_seconds=0.5))


def check_writing_is_refused(warehouse: Warehouse) -> None:
    for statement in ("DELETE FROM customers", "SET TRANSACTION READ WRITE", "CREATE TABLE mine (x integer)"):
        with pytest.raises(LoyaltyError, match=r"read-only|read-write mode"):
            warehouse.rows(sa.text(statement))
    with pytest.raises(LoyaltyError, match="read-only"):
        warehouse.fetch_arrow(sa.select(sa.func.nextval("numbers").label("n")))
    assert warehouse.rows(sa.text("SELECT count(*) AS n FROM customers")) == [{"n": 4}]


def check_statements_are_stopped(warehouse: Warehouse) -> None:
    with pytest.raises(QueryTimeout):
        warehouse.rows(sa.text("SELECT pg_sleep(600)"))
    with pytest.raises(QueryTimeout):
        warehouse.fetch_arrow(_ENDLESS)
    found = wait_until(lambda: in_time(lambda: warehouse.rows(sa.text("SELECT 1 AS x"))))
    assert found == [{"x": 1}], "the connection is usable afterwards"


def check_predictions_are_written(warehouse: Warehouse) -> None:
    rows = pa.table(
        {
            "customer_id": ["C1", "C4"],
            "churn_probability": [0.25, 0.75],
            "recommended_offer": [1, 2],
            "rfm_segment": ["Loyal", "Lost"],
            "model_version": ["v1", "v1"],
            "scored_at": [datetime(2026, 11, 1, tzinfo=UTC)] * 2,
        }
    )
    destination = warehouse.dialect.predictions.destination(warehouse)
    assert destination.remark == ""
    with destination.open(rows.schema) as write:
        for batch in rows.to_batches():
            write(batch)
    predictions = warehouse.predictions
    assert predictions is not None
    columns = predictions.c.customer_id, predictions.c.churn_probability
    assert warehouse.rows(sa.select(*columns).order_by(predictions.c.customer_id)) == [
        {"customer_id": "C1", "churn_probability": 0.25},
        {"customer_id": "C4", "churn_probability": 0.75},
    ]


def test_what_others_set_in_a_shared_session_does_not_matter(
    postgres_server: PostgresServer, postgres_database: str, open_warehouse: Callable[..., Warehouse]
):
    PostgresDatabase(postgres_database).execute(CUSTOMERS + "CREATE SEQUENCE numbers;")
    with pooler(postgres_server, "transaction", sessions=1) as pooling:
        url = pooling.url(postgres_database)
        with psycopg.connect(**address(url), autocommit=True) as other:
            shared = other.execute("SELECT pg_backend_pid()").fetchall()[0][0]
            other.execute(_UNGUARDED)
            warehouse = open_warehouse(url)
            names = ("transaction_read_only", "statement_timeout", "TimeZone")
            shown = [sa.func.current_setting(name).label(name) for name in names]
            (row,) = warehouse.rows(sa.select(sa.func.pg_backend_pid().label("session"), *shown))
            assert list(row.values()) == [shared, "on", "30s", "UTC"]
            (bulk,) = warehouse.fetch_arrow(sa.select(sa.func.pg_backend_pid().label("session"), *shown)).to_pylist()
            assert list(bulk.values()) == [shared, "on", "0", "UTC"]
            left_behind = other.execute("SHOW transaction_read_only").fetchall()
            assert left_behind == [("off",)], "the other client may still write"


def test_many_at_once_share_few_sessions(
    postgres_server: PostgresServer, postgres_database: str, open_warehouse: Callable[..., Warehouse]
):
    PostgresDatabase(postgres_database).execute(CUSTOMERS)
    found: list[object] = []
    with pooler(postgres_server, "transaction", sessions=2) as pooling:
        warehouse = open_warehouse(pooling.url(postgres_database), dwh_connect_timeout_seconds=60)

        def read() -> None:
            for _ in range(5):
                found.append(len(warehouse.rows(sa.select(warehouse.features))))
                found.append(warehouse.fetch_arrow(sa.select(warehouse.features)).num_rows)

        threads = [threading.Thread(target=read) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [4] * 60


def test_pooling_of_statements_is_refused_with_the_reason(
    postgres_server: PostgresServer, postgres_database: str, open_warehouse: Callable[..., Warehouse]
):
    PostgresDatabase(postgres_database).execute(CUSTOMERS)
    with pooler(postgres_server, "statement") as pooling:
        warehouse = open_warehouse(pooling.url(postgres_database))
        with pytest.raises(WarehouseUnavailable, match="Set pool_mode to transaction or session"):
            warehouse.rows(sa.text("SELECT 1"))
        assert "pool_mode" in str(warehouse.health().error)


def test_a_parameter_that_pgbouncer_refuses_is_named_as_the_cause(
    postgres_server: PostgresServer, postgres_database: str, open_warehouse: Callable[..., Warehouse]
):
    with pooler(postgres_server, "transaction") as pooling:
        warehouse = open_warehouse(f"{pooling.url(postgres_database)}?options=-c%20work_mem%3D5MB")
        with pytest.raises(WarehouseUnavailable, match="refuses a parameter that DWH_URL sets"):
            warehouse.rows(sa.text("SELECT 1"))


def test_predictions_are_written_whatever_the_defaults_are(
    postgres_database: str, open_warehouse: Callable[..., Warehouse]
):
    database = PostgresDatabase(postgres_database)
    database.execute(CUSTOMERS)
    change = f"ALTER DATABASE {make_url(postgres_database).database} SET"
    database.execute(f"{change} default_transaction_read_only = on; {change} TimeZone = 'Asia/Tokyo'")
    check_predictions_are_written(open_warehouse(postgres_database))


def test_a_guard_that_does_not_hold_is_an_error(
    shared_postgresql: PostgresDatabase, open_warehouse: Callable[..., Warehouse]
):
    """As behind a proxy that changes statements."""
    warehouse = open_warehouse(shared_postgresql.url)

    def change(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> tuple[str, Any]:
        return statement.replace("'transaction_read_only', 'on'", "'transaction_read_only', 'off'"), parameters

    sa.event.listen(warehouse.engine, "before_cursor_execute", change, retval=True)
    with pytest.raises(WarehouseUnavailable, match="does not apply read-only to a transaction"):
        warehouse.rows(sa.text("SELECT 1"))
    assert not warehouse.health().ok


def test_a_training_query_cannot_leave_the_transaction(
    postgres_database: str, open_warehouse: Callable[..., Warehouse]
):
    PostgresDatabase(postgres_database).execute(CUSTOMERS)
    query = "SELECT 1 AS x) AS one; COMMIT; DELETE FROM customers; SELECT * FROM (SELECT 1 AS x"
    warehouse = open_warehouse(postgres_database, dwh_churn_training_query=query)
    table = HistoryTable("customer_churn_history", "churned", "snapshot_date", "DWH_CHURN_TRAINING_QUERY")
    with pytest.raises(SettingsError, match="DWH_CHURN_TRAINING_QUERY cannot run"):
        find_history(warehouse, table, {})
    assert warehouse.rows(sa.text("SELECT count(*) AS n FROM customers")) == [{"n": 4}]


def test_guards_that_the_database_reports(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    backend.execute(CUSTOMERS)
    assert open_warehouse(backend.url).health().guards == Guards(refuses_writes=True, limits_time=True)
