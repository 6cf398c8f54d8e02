"""Reading rows: the same on every database."""

import threading
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa

from loyalty_core.errors import LoyaltyError, QueryTimeout, ViewUnusable, WarehouseUnavailable
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.customers import Transactions
from loyalty_core.warehouse.identity import loader_facts
from loyalty_core.warehouse.offers import offer_names
from tests.fixtures.warehouses import CUSTOMERS, Backend, address, in_time
from tests.waiting import wait_until

FIRST_CUSTOMER = {
    "customer_id": "C1",
    "full_name": "Åse Berg",
    "email": "ase@example.com",
    "city": "Oslo",
    "ref": UUID(int=10),
    "total_revenue": Decimal("10.10"),
    "score": 0.5,
    "transaction_count": 3,
    "points": 9_007_199_254_740_993,
    "joined": date(2020, 2, 29),
    "last_seen": datetime(2024, 5, 6, 7, 8, 9, 123456),
    "active": True,
}


def test_rows_have_the_types_of_their_columns(warehouse: Warehouse):
    rows = warehouse.rows(sa.select(warehouse.features).order_by(warehouse.customer_id))
    assert rows[0] == FIRST_CUSTOMER
    assert [type(value) for value in rows[0].values()] == [type(value) for value in FIRST_CUSTOMER.values()]


def test_nan_and_null_come_as_none(warehouse: Warehouse):
    rows = warehouse.rows(sa.select(warehouse.features).order_by(warehouse.customer_id))
    assert rows[1]["score"] is None
    assert set(rows[2].values()) == {"C3", None}


def test_a_decimal_nan_comes_as_none(open_warehouse: Callable[..., Warehouse], postgres_database: str):
    warehouse = open_warehouse(postgres_database)
    assert warehouse.rows(sa.select(sa.literal_column("'NaN'::numeric").label("x"))) == [{"x": None}]


def test_errors_do_not_have_the_values(warehouse: Warehouse):
    """They end up in logs, and values may be what somebody searched for."""
    with warehouse.engine.connect() as connection, pytest.raises(sa.exc.DBAPIError) as failed:
        connection.execute(sa.text("SELECT * FROM no_such_table WHERE email = :email"), {"email": "anna@example.com"})
    assert "no_such_table" in str(failed.value)
    assert "anna" not in str(failed.value)


def test_values_are_bound(warehouse: Warehouse):
    statement = sa.text("SELECT customer_id FROM customers WHERE city = :city AND joined >= :day ORDER BY 1")
    assert warehouse.rows(statement, {"city": "Oslo", "day": date(2020, 6, 1)}) == [{"customer_id": "C2"}]
    assert warehouse.rows(statement, {"city": "' OR 1=1 --", "day": date(2020, 6, 1)}) == []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO customers (customer_id) VALUES ('X')",
        "DELETE FROM customers",
        "UPDATE customers SET city = 'X'",
        "CREATE TABLE mine (x integer)",
        "DROP VIEW customer_features_view",
    ],
)
def test_writing_is_refused(warehouse: Warehouse, statement: str):
    with pytest.raises(LoyaltyError, match="read-only"):
        warehouse.rows(sa.text(statement))
    assert warehouse.rows(sa.select(sa.func.count().label("n")).select_from(warehouse.features)) == [{"n": 4}]


SLOW = {
    "duckdb": "SELECT count(*) FROM range(4000000) a, range(4000000) b WHERE a.range % 7 = b.range % 11",
    "postgresql": "SELECT pg_sleep(3600)",
}


def test_a_slow_statement_is_stopped(customers: Backend, open_warehouse: Callable[..., Warehouse]):
    warehouse = open_warehouse(customers.url, dwh_statement_timeout_seconds=0.3)
    with pytest.raises(QueryTimeout, match="was stopped"):
        warehouse.rows(sa.text(SLOW[customers.name]))
    assert wait_until(lambda: in_time(lambda: len(warehouse.rows(sa.select(warehouse.features))))) == 4


def test_health_reports_the_server_and_the_time_it_took(warehouse: Warehouse):
    health = warehouse.health()
    assert health.ok
    assert health.dialect == warehouse.url.get_backend_name()
    assert health.server.startswith({"duckdb": "v1.", "postgresql": "PostgreSQL 18"}[health.dialect])
    assert health.seconds > 0


def test_connections_are_pooled(customers: Backend, open_warehouse: Callable[..., Warehouse]):
    warehouse = open_warehouse(customers.url, dwh_pool_size=2)
    opened: list[object] = []
    sa.event.listen(warehouse.engine, "connect", lambda connection, _record: opened.append(connection))
    for _ in range(5):
        warehouse.rows(sa.text("SELECT 1"))
    assert len(opened) == 1


def test_an_exhausted_pool_says_so(customers: Backend, open_warehouse: Callable[..., Warehouse]):
    warehouse = open_warehouse(customers.url, dwh_pool_size=1, dwh_connect_timeout_seconds=2)
    streams = [warehouse.stream_arrow(sa.select(warehouse.features), batch_rows=1) for _ in range(2)]
    for stream in streams:
        next(stream)
    with pytest.raises(WarehouseUnavailable, match="raise DWH_POOL_SIZE"):
        warehouse.rows(sa.text("SELECT 1"))
    for stream in streams:
        stream.close()
    assert warehouse.rows(sa.text("SELECT 1 AS x")) == [{"x": 1}]


def test_many_threads_read_at_once(warehouse: Warehouse):
    found: list[int] = []

    def read() -> None:
        for _ in range(20):
            found.append(len(warehouse.rows(sa.select(warehouse.features))))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [4] * 160


def test_a_terminated_connection_is_replaced(postgres_database: str, open_warehouse: Callable[..., Warehouse]):
    warehouse = open_warehouse(postgres_database)
    (before,) = warehouse.rows(sa.text("SELECT pg_backend_pid() AS pid"))
    with psycopg.connect(**address(postgres_database), autocommit=True) as owner:
        owner.execute("SELECT pg_terminate_backend(%s, 5000)", [before["pid"]])
    (after,) = warehouse.rows(sa.text("SELECT pg_backend_pid() AS pid"))
    assert after["pid"] != before["pid"]


def test_options_of_a_postgresql_url_are_preserved(postgres_database: str, open_warehouse: Callable[..., Warehouse]):
    options = "options=-c%20work_mem%3D5MB%20-c%20default_transaction_read_only%3Doff&application_name=mine"
    warehouse = open_warehouse(f"{postgres_database}?{options}")
    names = ("work_mem", "application_name", "transaction_read_only", "statement_timeout", "TimeZone")
    show = sa.select(*(sa.func.current_setting(name).label(name) for name in names))
    assert list(warehouse.rows(show)[0].values()) == ["5MB", "mine", "on", "30s", "UTC"]
    in_bulk = warehouse.fetch_arrow(show).to_pylist()[0]
    assert list(in_bulk.values()) == ["5MB", "mine", "on", "0", "UTC"]


def test_a_table_is_found_by_its_written_name(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    backend.execute('CREATE SCHEMA "odd schema"; CREATE VIEW "odd schema"."my ""view""" AS SELECT 1 AS x')
    table = open_warehouse(backend.url).table('"odd schema"."my ""view"""')
    assert (table.schema, table.name, table.columns.keys()) == ("odd schema", 'my "view"', ["x"])


def test_a_missing_table_is_named_with_the_nearest(warehouse: Warehouse):
    with pytest.raises(ViewUnusable) as missing:
        warehouse.table("custommers")
    assert missing.value.what == "The warehouse has no table or view custommers."
    assert missing.value.remedy.endswith("nearest: customers.")


def test_a_missing_view_in_a_missing_schema_is_named(customers: Backend, open_warehouse: Callable[..., Warehouse]):
    warehouse = open_warehouse(customers.url, dwh_customer_features_table="nowhere.customer_features_view")
    with pytest.raises(ViewUnusable, match="no table or view nowhere"):
        warehouse.features.columns.keys()


def test_a_missing_id_column_is_named_with_the_nearest(customers: Backend, open_warehouse: Callable[..., Warehouse]):
    warehouse = open_warehouse(customers.url, dwh_customer_id_column="CustomerID")
    with pytest.raises(ViewUnusable) as missing:
        warehouse.columns()
    assert "has no column 'CustomerID'" in missing.value.what
    assert missing.value.remedy.endswith("nearest: customer_id.")


def test_a_materialised_view_can_be_the_features_view(postgres_database: str, open_warehouse: Callable[..., Warehouse]):
    with psycopg.connect(**address(postgres_database), autocommit=True) as owner:
        owner.execute(CUSTOMERS.encode())
        owner.execute("CREATE MATERIALIZED VIEW marts AS SELECT * FROM customers")
    warehouse = open_warehouse(postgres_database, dwh_customer_features_table="marts")
    assert warehouse.catalog().customers == 4
    with pytest.raises(ViewUnusable, match="nearest: marts"):
        warehouse.table("martz")


def test_the_fingerprint_follows_the_shape_of_the_view(customers: Backend, open_warehouse: Callable[..., Warehouse]):
    warehouse = open_warehouse(customers.url)
    before = warehouse.fingerprint
    assert warehouse.fingerprint == before
    customers.execute("CREATE OR REPLACE VIEW customer_features_view AS SELECT *, 1 AS more FROM customers")
    warehouse.forget()
    assert warehouse.fingerprint != before


def test_an_optional_table_that_is_missing_makes_nothing_be_read_again(
    customers: Backend, open_warehouse: Callable[..., Warehouse]
):
    warehouse = open_warehouse(customers.url)
    catalog, revision, identity = warehouse.catalog(), warehouse.revision, warehouse.identity
    asked: list[str] = []
    sa.event.listen(warehouse.engine, "before_cursor_execute", lambda _c, _cursor, text, *_: asked.append(text))
    assert Transactions.find(warehouse) is None
    assert offer_names(warehouse) == {}
    assert loader_facts(warehouse) == {}
    missing = len(asked)
    assert (warehouse.catalog(), warehouse.identity) == (catalog, identity)
    assert warehouse.catalog() is catalog
    assert warehouse.revision == revision
    assert loader_facts(warehouse) == {}
    assert len(asked) == missing


def test_sqlite_is_read_as_any_other_dialect(tmp_path: Path, open_warehouse: Callable[..., Warehouse]):
    url = f"sqlite:///{tmp_path / 'warehouse.db'}"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in (
            "CREATE TABLE customer_features_view (customer_id INTEGER, city VARCHAR, revenue NUMERIC, joined DATE)",
            "INSERT INTO customer_features_view VALUES (1, 'Oslo', 10.5, '2020-02-29'), (2, NULL, NULL, NULL)",
        ):
            connection.exec_driver_sql(statement)
    engine.dispose()
    warehouse = open_warehouse(url)
    view = warehouse.features
    assert warehouse.health().server.startswith("3.")
    assert [(c.name, c.kind, c.blanks) for c in warehouse.columns()] == [
        ("customer_id", "number", 0.0),
        ("city", "text", 0.5),
        ("revenue", "number", 0.5),
        ("joined", "date", 0.5),
    ]
    arrow = warehouse.fetch_arrow(sa.select(view).where(view.c.customer_id == 1))
    assert arrow.to_pylist() == [{"customer_id": 1, "city": "Oslo", "revenue": 10.5, "joined": date(2020, 2, 29)}]
    assert [str(field.type) for field in warehouse.fetch_arrow(sa.select(view).where(sa.false())).schema] == [
        "int64",
        "string",
        "double",
        "date32[day]",
    ]
    with pytest.raises(LoyaltyError, match="readonly"):
        warehouse.rows(sa.text("DELETE FROM customer_features_view"))
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(QueryTimeout):
        open_warehouse(url, dwh_statement_timeout_seconds=0.3).rows(sa.text(endless))
