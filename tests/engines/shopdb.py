"""A database that the product has never heard of, added as docs/adding-a-dialect.md says: SQLite under another name."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from loyalty_core.rules.sql.dialect import register_dialects
from loyalty_core.warehouse.dialects import DIALECTS, Dialect
from loyalty_core.warehouse.engine import interrupt_of
from tests.engines.engine import Engine
from tests.engines.sqlite import SQLitePlace

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

    from loyalty_core.warehouse.time_limit import Interrupt


class ShopDBDriver(SQLiteDialect_pysqlite):
    """What a driver's package brings: the dialect of SQLAlchemy."""

    name = "shopdb"
    supports_statement_cache = True


registry.register("shopdb", __name__, ShopDBDriver.__name__)


class ShopDB(Dialect):
    """What our side of it differs in."""

    name = "shopdb"
    title = "ShopDB"
    is_embedded = True
    stores_nan = False
    functions = frozenset({"ABS", "COALESCE", "INSTR", "LENGTH", "MAX", "MIN", "NULLIF", "SUBSTR", "TRIM"})

    def file_of(self, url: sa.URL) -> Path | None:
        return Path(url.database) if url.database else None

    def interrupt(self, connection: sa.Connection) -> Interrupt | None:
        return interrupt_of(connection)

    def truncated(self, number: str) -> str:
        return f"CAST({number} AS INTEGER)"

    def computed_once(self, select: sa.Select, name: str) -> sa.FromClause:
        return select.offset(0).cte(name)

    def least(self, *numbers: str) -> str:
        return f"MIN({', '.join(numbers)})"

    def greatest(self, *numbers: str) -> str:
        return f"MAX({', '.join(numbers)})"


@contextmanager
def _open(request: pytest.FixtureRequest) -> Iterator[SQLitePlace]:
    patched = pytest.MonkeyPatch()
    patched.setitem(DIALECTS, "shopdb", ShopDB())  # the line of registration
    register_dialects(DIALECTS.values())
    place = SQLitePlace(request.getfixturevalue("tmp_path_factory").mktemp("shopdb") / "warehouse.db")
    place.url = place.url.replace("sqlite", "shopdb")
    yield place
    patched.undo()


ENGINE = Engine("shopdb", _open)
