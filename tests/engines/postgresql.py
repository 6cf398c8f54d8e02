"""PostgreSQL: the server of all tests."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
import psycopg

from tests.engines.engine import Engine, declared_in, tables_in
from tests.fixtures.warehouses import PostgresDatabase, address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

_TYPES = {"VARCHAR": "text", "DOUBLE": "double precision"}


class PostgresPlace(PostgresDatabase):
    def load(self, tables: Path) -> None:
        for name, file in tables_in(tables).items():
            columns = ", ".join(f'"{column}" {_TYPES.get(kind, kind)}' for column, kind in declared_in(file))
            self.execute(f"CREATE TABLE {name} ({columns})")
            values = file.with_suffix(".csv")
            duckdb.execute(f"COPY (FROM read_parquet('{file}')) TO '{values}' (HEADER false)")
            with (
                values.open("rb") as source,
                psycopg.connect(**address(self.url)) as connection,
                connection.cursor().copy(f"COPY {name} FROM STDIN (FORMAT csv)".encode()) as copy,
            ):
                while part := source.read(1_000_000):
                    copy.write(part)


@contextmanager
def _open(request: pytest.FixtureRequest) -> Iterator[PostgresPlace]:
    with request.getfixturevalue("postgres_server").database() as url:
        yield PostgresPlace(url)


ENGINE = Engine("postgresql", _open, refuses_writes=True, endless="SELECT pg_sleep(3600)")
