"""SQLite: a file."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import duckdb

from tests.engines.engine import Engine, declared_in, tables_in
from tests.fixtures.warehouses import SQLiteFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest


class SQLitePlace(SQLiteFile):
    def load(self, tables: Path) -> None:
        for name, file in tables_in(tables).items():
            columns = declared_in(file)
            declared = ", ".join(f'"{column}" {kind}' for column, kind in columns)
            read = ", ".join(_as_stored(column, kind) for column, kind in columns)
            rows = duckdb.execute(f"SELECT {read} FROM read_parquet('{file}')").fetchall()
            with closing(sqlite3.connect(self.file)) as connection, connection:
                connection.execute(f"CREATE TABLE {name} ({declared})")
                places = ", ".join("?" for _ in columns)
                connection.executemany(f"INSERT INTO {name} VALUES ({places})", rows)


def _as_stored(column: str, kind: str) -> str:
    if kind == "TIMESTAMP":
        return f"strftime(\"{column}\", '%Y-%m-%d %H:%M:%S.%f')"
    if kind == "DATE":
        return f'CAST("{column}" AS VARCHAR)'
    return f'CAST("{column}" AS DOUBLE)' if kind.startswith("DECIMAL") else f'"{column}"'


@contextmanager
def _open(request: pytest.FixtureRequest) -> Iterator[SQLitePlace]:
    yield SQLitePlace(request.getfixturevalue("tmp_path_factory").mktemp("sqlite") / "warehouse.db")


ENGINE = Engine("sqlite", _open, refuses_writes=True, reads_predictions=False)
