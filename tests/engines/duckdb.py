"""DuckDB: a file."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.engines.engine import Engine, tables_in
from tests.fixtures.warehouses import DuckDBFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest


class DuckDBPlace(DuckDBFile):
    def load(self, tables: Path) -> None:
        made = (f"CREATE TABLE {name} AS FROM read_parquet('{file}');" for name, file in tables_in(tables).items())
        self.execute("".join(made))


@contextmanager
def _open(request: pytest.FixtureRequest) -> Iterator[DuckDBPlace]:
    yield DuckDBPlace(request.getfixturevalue("tmp_path_factory").mktemp("duckdb") / "warehouse.duckdb")


ENGINE = Engine("duckdb", _open, refuses_writes=True)
