"""SQLite: for tests and small installations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event

from loyalty_core.warehouse.dialects.abilities import Abilities
from loyalty_core.warehouse.dialects.base import Dialect, is_read_alike, json_or_blank
from loyalty_core.warehouse.engine import engine_options, interrupt_of
from loyalty_core.warehouse.guards import Guards
from loyalty_core.warehouse.predictions import PredictionStorage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.settings import Settings
    from loyalty_core.warehouse.time_limit import Interrupt


class SQLite(Dialect):
    """A file in which NaN is NULL and text functions count characters."""

    name = "sqlite"
    title = "SQLite"
    grammar = "sqlite"
    is_embedded = True
    has_untyped_columns = True
    stores_nan = False
    list_form = "json"
    predictions = PredictionStorage()
    abilities = Abilities(
        tested="rules, catalog and segments, at every change",
        refuses_writes="the connection",
        limits_time="statements are stopped",
        predictions="a file that the screens cannot read",
    )
    functions = frozenset(
        {"ABS", "COALESCE", "INSTR", "JSON_EACH", "LENGTH", "MAX", "MIN", "NULLIF", "REPLACE", "SUBSTR", "TRIM"}
    )

    def open_engine(self, url: sa.URL, settings: Settings) -> sa.Engine:
        """Read only by the session's `query_only`."""
        arguments = {"timeout": settings.dwh_connect_timeout_seconds}
        engine = sa.create_engine(url, connect_args=arguments, **engine_options(settings))
        event.listen(engine, "connect", _refuse_writes)
        return engine

    def file_of(self, url: sa.URL) -> Path | None:
        """None for a database in memory."""
        return Path(url.database) if url.database and url.database != ":memory:" else None

    def computed_once(self, select: sa.Select, name: str) -> sa.FromClause:
        """With an offset, so that it is not merged; listed first, since the parser cannot nest many subqueries."""
        return select.offset(0).cte(name)

    def version(self) -> sa.ColumnElement[str]:
        """`sqlite_version()`."""
        return sa.func.sqlite_version()

    def guards(self, connection: sa.Connection) -> Guards:
        """Its `query_only`; the time limit is watched here."""
        query_only = connection.exec_driver_sql("PRAGMA query_only").scalar_one()
        return Guards(query_only == 1, limits_time=self.interrupt(connection) is not None)

    def interrupt(self, connection: sa.Connection) -> Interrupt | None:
        """The driver's own."""
        return interrupt_of(connection)

    def readable(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Numbers, dates and texts as they are, bytes in hexadecimal, everything else as text; JSON's null is blank.

        Decimals come as SQLite has them, integers and doubles: SQLAlchemy would round them to ten digits.
        """
        kind = column.type
        if isinstance(kind, sa.JSON):
            return json_or_blank(column)
        if isinstance(kind, sa.LargeBinary):
            return sa.func.hex(column, type_=sa.Text())
        if isinstance(kind, sa.Numeric):
            return sa.type_coerce(column, sa.Float())
        is_plain = is_read_alike(column) or isinstance(kind, sa.Float | sa.Date | sa.DateTime)
        return column if is_plain else sa.cast(column, sa.Text)

    def moment(self, column: str, kind: sa.types.TypeEngine[Any]) -> str:
        """Times are texts here, whose parts may be left out: padded to microseconds, they sort by time."""
        del kind
        text = f"replace({column}, 'T', ' ')"
        return f"substr({text} || substr('0000-00-00 00:00:00.000000', length({column}) + 1), 1, 26)"

    def same(self, left: str, right: str, standard: str) -> str:
        """IS, written here since SQLAlchemy leaves parameters in it where values are to be written out."""
        del standard
        return f"{left} IS {right}"

    def exact(self, text: str, *, written_out: bool) -> str:
        """Whatever collation the column was made with."""
        del written_out
        return f"({text} COLLATE BINARY)"

    def by_code_point(self, text: str, *, written_out: bool) -> str:
        """Whatever collation the column was made with."""
        del written_out
        return f"({text} COLLATE BINARY)"

    def truncated(self, number: str) -> str:
        """By a cast: TRUNC is missing where SQLite was built without its mathematical functions."""
        return f"CAST({number} AS INTEGER)"

    def in_steps(self, steps: Mapping[str, str], result: str) -> str:
        """As common table expressions, side by side: the parser can hold few symbols that are not closed."""
        tables, before = [], ""
        for name, columns in steps.items():
            tables.append(f"{name} AS (SELECT {columns}{before})")
            before = f" FROM {name}"
        return f"(WITH {', '.join(tables)} SELECT {result}{before})"

    def least(self, *numbers: str) -> str:
        """MIN of several values."""
        return f"MIN({', '.join(numbers)})"

    def greatest(self, *numbers: str) -> str:
        """MAX of several values."""
        return f"MAX({', '.join(numbers)})"


def _refuse_writes(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA query_only = ON")
