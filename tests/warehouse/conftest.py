"""Warehouses on every supported database, with the same few customers in them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, Protocol

import duckdb
import psycopg
import pytest
from sqlalchemy.engine import make_url

from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.servers import PostgresServer

CUSTOMERS = """
CREATE TABLE customers (
    customer_id varchar NOT NULL, full_name varchar, email varchar, city varchar, ref uuid,
    total_revenue numeric(12, 2), score double precision, transaction_count integer,
    points bigint, joined date, last_seen timestamp, active boolean
);
INSERT INTO customers VALUES
    ('C1', 'Åse Berg', 'ase@example.com', 'Oslo', '00000000-0000-0000-0000-00000000000a',
     10.10, 0.5, 3, 9007199254740993, '2020-02-29', '2024-05-06 07:08:09.123456', true),
    ('C2', 'Bo 100% Lund', 'bo_lund@example.com', 'Oslo', NULL, 20.25, 'NaN', 1, 0, '2021-01-01', NULL, false),
    ('C3', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('C4', 'Dag Moe', 'dag@example.org', 'Bergen', NULL, -5, -1.5, 7, -1, '1999-12-31', '1999-12-31 23:59:59', true);
CREATE VIEW customer_features_view AS SELECT * FROM customers;
"""


class Backend(Protocol):
    """A database to test on."""

    name: str
    url: str

    def execute(self, statements: str) -> None:
        """Change the database as its owner would, also while a warehouse reads it."""
        ...


class DuckDBFile:
    name = "duckdb"

    def __init__(self, file: Path) -> None:
        self.file = file
        self.url = f"duckdb:///{file}"
        duckdb.connect(str(file)).close()

    def execute(self, statements: str) -> None:
        """Atomically put a changed copy in place of the file, as a nightly load does."""
        copy = self.file.with_suffix(".new")
        shutil.copy(self.file, copy)
        with duckdb.connect(str(copy)) as connection:
            connection.execute(statements)
        copy.replace(self.file)


class PostgresDatabase:
    name = "postgresql"

    def __init__(self, url: str) -> None:
        self.url = url

    def execute(self, statements: str) -> None:
        with psycopg.connect(**address(self.url), autocommit=True) as connection:
            connection.execute(statements.encode())


def address(url: str) -> dict[str, Any]:
    """Arguments for psycopg.connect."""
    parsed = make_url(url)
    return {
        "host": parsed.host,
        "port": parsed.port,
        "user": parsed.username,
        "password": parsed.password,
        "dbname": parsed.database,
    }


@pytest.fixture
def duckdb_file(tmp_path: Path) -> DuckDBFile:
    return DuckDBFile(tmp_path / "warehouse.duckdb")


@pytest.fixture(params=["duckdb", "postgresql"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """An empty database of each kind."""
    if request.param == "duckdb":
        return request.getfixturevalue("duckdb_file")
    return PostgresDatabase(request.getfixturevalue("postgres_database"))


@pytest.fixture
def customers(backend: Backend) -> Backend:
    """A database with four customers."""
    backend.execute(CUSTOMERS)
    return backend


@pytest.fixture
def open_warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Warehouse]]:
    """Open warehouses that are closed after the test; settings come from the call alone."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    opened: list[Warehouse] = []

    def open_one(url: str, **settings: Any) -> Warehouse:
        opened.append(Warehouse(Settings(dwh_url=url, **settings)))
        return opened[-1]

    yield open_one
    for warehouse in opened:
        warehouse.close()


@pytest.fixture(scope="session")
def shared_duckdb(tmp_path_factory: pytest.TempPathFactory) -> DuckDBFile:
    file = DuckDBFile(tmp_path_factory.mktemp("shared") / "warehouse.duckdb")
    file.execute(CUSTOMERS)
    return file


@pytest.fixture(scope="session")
def shared_postgresql(postgres_server: PostgresServer) -> Iterator[PostgresDatabase]:
    with postgres_server.database() as url:
        database = PostgresDatabase(url)
        database.execute(CUSTOMERS)
        yield database


@pytest.fixture(params=["duckdb", "postgresql"], scope="session")
def shared_customers(request: pytest.FixtureRequest) -> Backend:
    """The four customers for all tests that only read."""
    return request.getfixturevalue(f"shared_{request.param}")


@pytest.fixture
def warehouse(shared_customers: Backend, open_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """The four customers, read on each database."""
    return open_warehouse(shared_customers.url)
