"""Files as people export them, and the tables of a warehouse just made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., Path]:
    """Write a file as somebody might have exported it; returns its path."""

    def write(content: str | bytes, name: str = "export.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "warehouse" / "made.duckdb"


def rows_of(warehouse: Path, query: str) -> list[tuple[Any, ...]]:
    """What a query gives on a warehouse file."""
    with duckdb.connect(warehouse, read_only=True) as connection:
        return connection.execute(query).fetchall()


def types_of(warehouse: Path, table: str = "customer_features_view") -> dict[str, str]:
    """The columns of a table with their types, in order."""
    return {row[0]: row[1] for row in rows_of(warehouse, f"DESCRIBE {table}")}
