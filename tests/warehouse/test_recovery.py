"""Failures outside the app: each is reported in plain words, and the app recovers without a restart."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from loyalty_core.errors import LoyaltyError, ViewUnusable, WarehouseUnavailable
from loyalty_core.warehouse import FeatureStore
from loyalty_core.warehouse.customers import MemoryCache
from tests.fixtures.warehouses import CUSTOMERS, PostgresDatabase, address
from tests.servers import PASSWORD, PostgresServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend, DuckDBFile

pytestmark = pytest.mark.extended


@contextmanager
def refused(kind: type[LoyaltyError], *words: str) -> Iterator[None]:
    """Expect an error of that kind, with a remedy and all `words`."""
    with pytest.raises(kind) as refusal:
        yield
    assert refusal.value.what
    assert refusal.value.remedy
    for word in words:
        assert word in str(refusal.value)
    assert PASSWORD not in str(refusal.value)
    assert "hush" not in str(refusal.value)


def check_works(warehouse: Warehouse) -> None:
    store = FeatureStore(warehouse, MemoryCache(10, 60))
    assert store.get("C1")["full_name"] == "Åse Berg"
    assert warehouse.catalog().customers == 4
    assert warehouse.fetch_arrow(sa.select(warehouse.features)).num_rows == 4
    assert warehouse.health().ok


def check_refused(warehouse: Warehouse, kind: type[LoyaltyError], *words: str) -> None:
    """Every way of asking is refused in the same words."""
    store = FeatureStore(warehouse, MemoryCache(10, 60))
    for ask in (
        lambda: store.get("C1"),
        lambda: store.search("C1"),
        warehouse.columns,
        lambda: warehouse.rows(sa.text("SELECT * FROM customer_features_view")),
        lambda: warehouse.fetch_arrow(sa.select(sa.text("*")).select_from(sa.text("customer_features_view"))),
    ):
        with refused(kind, *words):
            ask()
    if kind is WarehouseUnavailable:
        health = warehouse.health()
        assert not health.ok
        assert isinstance(health.error, WarehouseUnavailable)


def changed(url: str, **parts: Any) -> str:
    return make_url(url)._replace(**parts).render_as_string(hide_password=False)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"password": "hush"}, ["The user or the password is wrong", "Correct them in DWH_URL"]),
        ({"username": "nobody"}, ["The user or the password is wrong"]),
        ({"password": None}, ["A password is needed", "Add it to DWH_URL"]),
        ({"port": 1}, ["Nothing listens at that host and port", "127.0.0.1:1"]),
        ({"host": "no-such-host.invalid"}, ["The host name is unknown", "Correct the host in DWH_URL"]),
        ({"database": "nothing"}, ['database "nothing" does not exist', "Check DWH_URL"]),
        ({"host": None, "query": {"host": "/nowhere"}}, ["socket is not there"]),
    ],
)
def test_postgresql_that_cannot_be_reached(
    postgres_url: str, open_warehouse: Callable[..., Warehouse], parts: dict[str, Any], words: list[str]
):
    check_refused(open_warehouse(changed(postgres_url, **parts)), WarehouseUnavailable, *words)


def test_a_host_that_never_answers(open_warehouse: Callable[..., Warehouse]):
    """Documentation addresses (RFC 5737) are routed nowhere; without a network the refusal is immediate."""
    warehouse = open_warehouse("postgresql://ann:hush@192.0.2.1/app", dwh_connect_timeout_seconds=2)
    started = time.monotonic()
    with refused(WarehouseUnavailable):
        warehouse.columns()
    assert time.monotonic() - started < 60  # Linux itself gives up after two minutes


def test_postgresql_restarting(own_postgres: PostgresServer, open_warehouse: Callable[..., Warehouse]):
    PostgresDatabase(own_postgres.url).execute(CUSTOMERS)
    warehouse = open_warehouse(own_postgres.url, dwh_catalog_ttl_seconds=0)
    check_works(warehouse)
    own_postgres.stop()
    with refused(WarehouseUnavailable, "Nothing listens"):
        warehouse.columns()
    assert not warehouse.health().ok
    own_postgres.start()
    PostgresDatabase(own_postgres.url).execute(CUSTOMERS)
    check_works(warehouse)


def test_a_cached_customer_is_served_while_postgresql_is_down(
    own_postgres: PostgresServer, open_warehouse: Callable[..., Warehouse]
):
    PostgresDatabase(own_postgres.url).execute(CUSTOMERS)
    store = FeatureStore(open_warehouse(own_postgres.url))
    store.get("C1")
    own_postgres.stop()
    assert store.get("C1")["city"] == "Oslo"
    with refused(WarehouseUnavailable):
        store.get("C2")
    own_postgres.start()


def test_every_pooled_connection_terminated(postgres_database: str, open_warehouse: Callable[..., Warehouse]):
    PostgresDatabase(postgres_database).execute(CUSTOMERS)
    warehouse = open_warehouse(postgres_database)
    streams = [warehouse.stream_arrow(sa.select(warehouse.features)) for _ in range(3)]
    for stream in streams:
        next(stream)
    PostgresDatabase(postgres_database).execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid()"
    )
    for stream in streams:
        stream.close()
    check_works(warehouse)


def test_an_account_without_the_right_to_read(postgres_database: str, open_warehouse: Callable[..., Warehouse]):
    database = PostgresDatabase(postgres_database)
    database.execute(CUSTOMERS + "CREATE ROLE analyst LOGIN PASSWORD 'hush'")
    try:
        url = changed(postgres_database, username="analyst", password="hush")
        warehouse = open_warehouse(url)
        with refused(LoyaltyError, "may not read a part of the warehouse", "Grant it SELECT"):
            FeatureStore(warehouse).get("C1")
        database.execute("GRANT SELECT ON customer_features_view TO analyst")
        check_works(warehouse)
        warehouse.close()
    finally:
        database.execute("DROP OWNED BY analyst; DROP ROLE analyst")


def test_a_view_missing_then_made(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    backend.execute("CREATE TABLE customer_feature_view (x integer)")
    warehouse = open_warehouse(backend.url)
    with refused(ViewUnusable, "no table or view customer_features_view", "nearest: customer_feature_view"):
        warehouse.columns()
    with refused(ViewUnusable, "no table or view customer_features_view"):
        FeatureStore(warehouse).get("C1")
    backend.execute(CUSTOMERS)
    check_works(warehouse)


WITHOUT_CITY = (
    "DROP VIEW customer_features_view; CREATE VIEW customer_features_view AS "
    "SELECT customer_id, full_name, total_revenue FROM customers"
)


def asking(warehouse: Warehouse, store: FeatureStore) -> dict[str, Callable[[], Any]]:
    return {
        "get": lambda: store.get("C2"),
        "search": lambda: store.search("C2"),
        "catalog": warehouse.catalog,
        "arrow": lambda: warehouse.fetch_arrow(sa.select(warehouse.features)),
    }


@pytest.mark.parametrize("way", ["get", "search", "catalog", "arrow"])
def test_a_column_vanishes_while_the_app_runs(customers: Backend, open_warehouse: Callable[..., Warehouse], way: str):
    warehouse = open_warehouse(customers.url)
    store = FeatureStore(warehouse)
    store.get("C1")
    ask = asking(warehouse, store)[way]
    customers.execute(WITHOUT_CITY)
    revision = warehouse.revision
    try:
        ask()
    except ViewUnusable as first:
        assert "no longer exists" in first.what
    ask()
    assert warehouse.revision > revision
    assert store.get("C1").keys() == {"customer_id", "full_name", "total_revenue"}
    assert [column.name for column in warehouse.columns()] == ["customer_id", "full_name", "total_revenue"]


def test_a_column_changes_its_type_while_the_app_runs(customers: Backend, open_warehouse: Callable[..., Warehouse]):
    warehouse = open_warehouse(customers.url)
    store = FeatureStore(warehouse, MemoryCache(1, 60))
    for _ in range(10):  # often enough for drivers that prepare statements
        store.get("C1")
        store.get("C2")
    columns = ", ".join(warehouse.features.columns.keys()).replace("city", "5 AS city")
    customers.execute(
        f"DROP VIEW customer_features_view; CREATE VIEW customer_features_view AS SELECT {columns} FROM customers"
    )
    assert store.get("C1")["city"] == 5


def test_the_view_vanishes_and_returns(customers: Backend, open_warehouse: Callable[..., Warehouse]):
    warehouse = open_warehouse(customers.url)
    check_works(warehouse)
    customers.execute("ALTER VIEW customer_features_view RENAME TO elsewhere")
    with refused(ViewUnusable):
        FeatureStore(warehouse, MemoryCache(1, 60)).get("C1")
    with refused(ViewUnusable, "no table or view customer_features_view"):
        warehouse.columns()
    customers.execute("ALTER VIEW elsewhere RENAME TO customer_features_view")
    check_works(warehouse)


def test_a_file_replaced_shows_its_new_rows(duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse]):
    duckdb_file.execute(CUSTOMERS)
    warehouse = open_warehouse(duckdb_file.url)
    store = FeatureStore(warehouse)
    for number in range(3):
        assert warehouse.catalog().customers == 4 + number
        assert store.get("C1")["points"] == 9_007_199_254_740_993 + number
        duckdb_file.execute(
            f"INSERT INTO customers (customer_id) VALUES ('N{number}'); UPDATE customers SET points = points + 1"
        )


def test_a_file_replaced_under_an_open_stream(duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse]):
    duckdb_file.execute("CREATE VIEW customer_features_view AS SELECT range AS customer_id FROM range(300000)")
    warehouse = open_warehouse(duckdb_file.url)
    stream = warehouse.stream_arrow(sa.select(warehouse.features), batch_rows=10_000)
    read = next(stream).num_rows
    duckdb_file.execute("CREATE OR REPLACE VIEW customer_features_view AS SELECT range AS customer_id FROM range(7)")
    counted = sa.select(sa.func.count().label("n")).select_from(sa.table("customer_features_view"))
    assert warehouse.rows(counted) == [{"n": 300_000}]  # one state of the data until the stream has ended
    read += sum(batch.num_rows for batch in stream)
    assert read == 300_000
    assert warehouse.rows(counted) == [{"n": 7}]
    assert warehouse.catalog().customers == 7


def test_a_file_missing_then_made(tmp_path: Path, open_warehouse: Callable[..., Warehouse]):
    file = tmp_path / "warehouse.duckdb"
    warehouse = open_warehouse(f"duckdb:///{file}")
    check_refused(warehouse, WarehouseUnavailable, f"{file} does not exist", "make demo")
    assert not file.exists()
    make_duckdb(file)
    check_works(warehouse)
    file.unlink()
    check_refused(warehouse, WarehouseUnavailable, f"{file} does not exist")
    make_duckdb(file)
    check_works(warehouse)


def test_a_missing_sqlite_file_is_not_made(tmp_path: Path, open_warehouse: Callable[..., Warehouse]):
    check_refused(open_warehouse(f"sqlite:///{tmp_path}/x.db"), WarehouseUnavailable, "x.db does not exist")
    assert not (tmp_path / "x.db").exists()


def make_duckdb(file: Path) -> None:
    """In another process, as a loader would."""
    code = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute(sys.argv[2])"
    subprocess.run([sys.executable, "-c", code, str(file), CUSTOMERS], check=True)


LOCKING = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('ready', flush=True); input()"


def test_a_file_locked_by_a_writing_process(duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse]):
    duckdb_file.execute(CUSTOMERS)
    warehouse = open_warehouse(duckdb_file.url)
    with subprocess.Popen(
        [sys.executable, "-c", LOCKING, str(duckdb_file.file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout
        assert writer.stdout.readline() == "ready\n"
        check_refused(warehouse, WarehouseUnavailable, "Another program has the file open for writing", "Close that")
        writer.communicate("\n")
    check_works(warehouse)


@pytest.mark.parametrize("content", [b"", b"no database", b"\0" * 100_000])
def test_a_file_that_is_no_database(tmp_path: Path, open_warehouse: Callable[..., Warehouse], content: bytes):
    file = tmp_path / "warehouse.duckdb"
    file.write_bytes(content)
    warehouse = open_warehouse(f"duckdb:///{file}")
    with refused(LoyaltyError, "warehouse"):
        warehouse.columns()
    with refused(LoyaltyError, "warehouse"):
        FeatureStore(warehouse).get("C1")
    file.unlink()
    make_duckdb(file)
    check_works(warehouse)


def test_a_file_cut_short(duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse]):
    duckdb_file.execute(CUSTOMERS)
    whole = duckdb_file.file.read_bytes()
    duckdb_file.file.write_bytes(whole[: len(whole) // 3])
    warehouse = open_warehouse(duckdb_file.url)
    with refused(WarehouseUnavailable, "cannot be used"):
        warehouse.columns()
    duckdb_file.file.write_bytes(whole)
    check_works(warehouse)


def test_a_folder_in_place_of_the_file(tmp_path: Path, open_warehouse: Callable[..., Warehouse]):
    with refused(WarehouseUnavailable, "cannot be used"):
        open_warehouse(f"duckdb:///{tmp_path}").columns()


def test_a_database_in_memory_is_refused(open_warehouse: Callable[..., Warehouse]):
    with refused(WarehouseUnavailable, "in-memory"):
        open_warehouse("duckdb:///:memory:").columns()


@pytest.mark.parametrize("way", ["right", "wrong"])
def test_no_password_in_any_log(
    postgres_database: str, open_warehouse: Callable[..., Warehouse], caplog: pytest.LogCaptureFixture, way: str
):
    PostgresDatabase(postgres_database).execute(CUSTOMERS)
    password = PASSWORD if way == "right" else "hush"
    with caplog.at_level(logging.DEBUG):
        warehouse = open_warehouse(changed(postgres_database, password=password))
        try:
            check_works(warehouse)
        except LoyaltyError:
            logging.getLogger("test").exception("failed")
    shown = caplog.text + repr(warehouse) + repr(warehouse.engine) + repr(warehouse.health()) + repr(warehouse.settings)
    assert "postgresql" in shown
    for secret in (password, make_url(postgres_database).set(password=password).render_as_string(False)):
        assert secret not in shown


def test_a_connection_that_breaks_in_the_middle_of_a_stream(
    postgres_database: str, open_warehouse: Callable[..., Warehouse]
):
    PostgresDatabase(postgres_database).execute(
        "CREATE VIEW customer_features_view AS SELECT x AS customer_id, repeat('x', 500) AS t "
        "FROM generate_series(1, 3000000) AS s(x)"
    )
    warehouse = open_warehouse(postgres_database)
    stream = warehouse.stream_arrow(sa.select(warehouse.features), batch_rows=1_000)
    next(stream)
    with psycopg.connect(**address(postgres_database), autocommit=True) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        )
    with refused(WarehouseUnavailable):
        for _ in stream:
            pass
    assert FeatureStore(warehouse).get(5)["customer_id"] == 5
