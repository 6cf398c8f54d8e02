"""What the suite has to know of a database; each has a module here with its `ENGINE`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import duckdb
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

COUNTING = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


class Place(Protocol):
    """An empty database, or a schema of its own in one."""

    url: str

    def execute(self, statements: str) -> None:
        """Run statements, separated by semicolons, as the owner."""
        ...

    def load(self, tables: Path) -> None:
        """Create a table from each Parquet file of the folder, under its name."""
        ...


@dataclass(frozen=True)
class Engine:
    """A database: how a place on it is opened, and what it is known for.

    `endless` is a statement that does not end within a test. `is_quick`: its tests are part of `make test`; those of
    others run in `make test-engines`.
    """

    name: str
    open: Callable[[pytest.FixtureRequest], AbstractContextManager[Place]]
    refuses_writes: bool = False
    reads_predictions: bool = True
    endless: str = COUNTING
    is_quick: bool = True

    def row(self, *, is_quick: bool = True) -> Any:
        """The engine as a parameter of a fixture."""
        marks = () if self.is_quick and is_quick else (pytest.mark.engines,)
        return pytest.param(self, id=self.name, marks=marks)


def tables_in(folder: Path) -> dict[str, Path]:
    """The Parquet files by the names of their tables."""
    return {file.stem: file for file in sorted(folder.glob("*.parquet"))}


def declared_in(file: Path) -> list[tuple[str, str]]:
    """The columns of a Parquet file with the types that DuckDB gives them."""
    described = duckdb.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(file)]).fetchall()
    return [(name, kind) for name, kind, *_ in described]
