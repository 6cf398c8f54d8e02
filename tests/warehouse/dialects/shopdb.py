"""A database that the product has never heard of, added as docs/adding-a-dialect.md says: SQLite under another name."""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from loyalty_core.warehouse.dialects import Dialect
from loyalty_core.warehouse.engine import interrupt_of
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

    def least(self, *numbers: str) -> str:
        return f"MIN({', '.join(numbers)})"

    def greatest(self, *numbers: str) -> str:
        return f"MAX({', '.join(numbers)})"
