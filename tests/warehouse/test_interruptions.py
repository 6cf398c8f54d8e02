"""Queries that a database interrupts are repeated once, and errors say their cause."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from loyalty_core.cancellation import Cancellation, Cancelled, cancellable
from loyalty_core.errors import ViewUnusable
from loyalty_core.warehouse import FeatureStore, Warehouse
from loyalty_core.warehouse.failures import QueryInterrupted
from tests.fixtures.warehouses import CUSTOMERS, DuckDBFile, PostgresDatabase, address
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

# Fails while a session named "marker" is open, and closes it, so that it fails once.
FAILS_ONCE = """
CREATE FUNCTION fails_once() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    marker integer := (
        SELECT pid FROM pg_stat_activity WHERE application_name = 'marker' AND datname = current_database()
    );
BEGIN
    IF marker IS NULL THEN RETURN 1; END IF;
    PERFORM pg_terminate_backend(marker, 60000);
    RAISE EXCEPTION 'canceling statement due to conflict with recovery' USING ERRCODE = '40001';
END $$;
CREATE VIEW customer_features_view AS SELECT 'C1' AS customer_id, fails_once() AS n;
"""


@pytest.mark.parametrize("way", ["one customer", "catalog", "bulk"])
def test_an_interrupted_query_is_repeated(postgres_database: str, open_warehouse: Callable[..., Warehouse], way: str):
    PostgresDatabase(postgres_database).execute(FAILS_ONCE)
    warehouse = open_warehouse(postgres_database)
    view = warehouse.features
    ask: dict[str, Callable[[], Any]] = {
        "one customer": lambda: FeatureStore(warehouse).get("C1")["n"],
        "catalog": lambda: warehouse.catalog().customers,
        "bulk": lambda: warehouse.fetch_arrow(sa.select(view))["n"].to_pylist()[0],
    }
    with psycopg.connect(**address(postgres_database), application_name="marker") as marker:
        assert ask[way]() == 1
        with pytest.raises(psycopg.OperationalError):
            marker.execute("SELECT 1")  # it was closed by the first attempt


def test_a_statement_that_nobody_waits_for_ends_on_the_server(
    postgres_database: str, open_warehouse: Callable[..., Warehouse]
):
    warehouse, gone = open_warehouse(postgres_database, dwh_statement_timeout_seconds=600), Event()
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query = 'SELECT pg_sleep(600)'"

    def go_on_once_it_runs() -> None:
        with psycopg.connect(**address(postgres_database), autocommit=True) as watcher:
            wait_until(lambda: watcher.execute(sleeping).fetchone() == (1,))
            gone.set()

    viewer = Thread(target=go_on_once_it_runs)
    viewer.start()
    with cancellable(Cancellation(gone.is_set)), pytest.raises(Cancelled):
        warehouse.rows(sa.text("SELECT pg_sleep(600)"))
    viewer.join()
    wait_until(lambda: warehouse.rows(sa.text(sleeping)) == [{"count": 0}])


@pytest.mark.parametrize(
    ("message", "code", "words"),
    [
        ("canceling statement due to conflict with recovery", "40001", "conflict with recovery.*hot_standby_feedback"),
        ("could not serialize access", "40001", "serialization failure"),
        ("deadlock detected", "40P01", "deadlock"),
        ("terminating connection due to administrator command", "57P01", "administrator closed the connection"),
    ],
)
def test_a_query_that_is_interrupted_twice_says_why(
    shared_postgresql: PostgresDatabase,
    open_warehouse: Callable[..., Warehouse],
    message: str,
    code: str,
    words: str,
):
    warehouse = open_warehouse(shared_postgresql.url)
    raising = f"DO $$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = '{code}'; END $$"
    with pytest.raises(QueryInterrupted, match=words) as stopped:
        warehouse.rows(sa.text(raising))
    assert "DWH_URL" not in str(stopped.value)


@pytest.mark.parametrize(("times", "answer"), [(1, [{"x": 1}]), (2, QueryInterrupted)])
def test_a_dropped_connection(
    shared_postgresql: PostgresDatabase, open_warehouse: Callable[..., Warehouse], times: int, answer: Any
):
    warehouse = open_warehouse(shared_postgresql.url)
    dropped: list[int] = []

    def drop(connection: sa.Connection, _cursor: object, statement: str, *_: object) -> None:
        if statement == "SELECT 1 AS x" and len(dropped) < times:
            dropped.append(connection.connection.driver_connection.info.backend_pid)  # pyright: ignore[reportOptionalMemberAccess]
            with psycopg.connect(**address(shared_postgresql.url), autocommit=True) as owner:
                owner.execute("SELECT pg_terminate_backend(%s, 60000)", [dropped[-1]])

    sa.event.listen(warehouse.engine, "before_cursor_execute", drop)
    if answer is QueryInterrupted:
        with pytest.raises(QueryInterrupted, match="closed"):
            warehouse.rows(sa.text("SELECT 1 AS x"))
    assert warehouse.rows(sa.text("SELECT 1 AS x")) == [{"x": 1}]
    assert len(set(dropped)) == times


def test_a_value_that_the_driver_cannot_convert_is_no_fault_of_the_connection(
    shared_postgresql: PostgresDatabase, open_warehouse: Callable[..., Warehouse]
):
    warehouse = open_warehouse(shared_postgresql.url)
    for expression in ("'24:00:00'::time", "'no'::text::integer"):
        with pytest.raises(ViewUnusable, match="contains a value that cannot be read") as unreadable:
            warehouse.rows(sa.text(f"SELECT {expression} AS x"))
        assert unreadable.value.why
        assert "DWH_URL" not in str(unreadable.value)


def test_a_value_that_duckdb_cannot_convert(duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse]):
    duckdb_file.execute("CREATE VIEW customer_features_view AS SELECT 'C1' AS customer_id, CAST('x' AS INTEGER) AS n")
    warehouse = open_warehouse(duckdb_file.url)
    with pytest.raises(ViewUnusable, match=r"contains a value that cannot be read.*Could not convert"):
        FeatureStore(warehouse).get("C1")
    with pytest.raises(ViewUnusable, match="contains a value that cannot be read"):
        warehouse.fetch_arrow(sa.select(warehouse.features))


def test_columns_without_permission_are_named_and_left_out(
    postgres_database: str, open_warehouse: Callable[..., Warehouse]
):
    database = PostgresDatabase(postgres_database)
    database.execute(CUSTOMERS + "CREATE ROLE clerk LOGIN PASSWORD 'hush'")
    url = make_url(postgres_database).set(username="clerk", password="hush").render_as_string(hide_password=False)
    warehouse = open_warehouse(url, dwh_catalog_ttl_seconds=0)
    try:
        database.execute("GRANT SELECT (customer_id, city, score) ON customer_features_view TO clerk")
        catalog = warehouse.catalog()
        assert [column.name for column in catalog.columns] == ["customer_id", "city", "score"]
        assert {"email", "full_name"} < set(catalog.unreadable)
        assert FeatureStore(warehouse).get("C1")["city"] == "Oslo"
        assert warehouse.fetch_arrow(sa.select(warehouse.features)).num_rows == 4
        database.execute("GRANT SELECT ON customer_features_view TO clerk")
        assert warehouse.catalog().unreadable == ()
        database.execute(
            "REVOKE ALL ON customer_features_view FROM clerk; GRANT SELECT (city) ON customer_features_view TO clerk"
        )
        with pytest.raises(ViewUnusable, match="may not read the id column 'customer_id'"):
            open_warehouse(url).columns()
    finally:
        warehouse.close()
        database.execute("DROP OWNED BY clerk; DROP ROLE clerk")
