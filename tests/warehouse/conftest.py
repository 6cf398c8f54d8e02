"""The same few customers on every database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fixtures.warehouses import CUSTOMERS, DuckDBFile, PostgresDatabase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend
    from tests.servers import PostgresServer


@pytest.fixture
def customers(backend: Backend) -> Backend:
    """A database with four customers."""
    backend.execute(CUSTOMERS)
    return backend


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
