"""DuckDB: the embedded default, opened read only."""

from __future__ import annotations

import threading
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from duckdb_sqlalchemy.datatypes import TimestampNs
from sqlalchemy import event
from sqlalchemy.dialects import postgresql

from loyalty_core.rules.sql.dialect import STANDARD_FUNCTIONS
from loyalty_core.settings import predictions_file
from loyalty_core.warehouse.arrow import at_least_one
from loyalty_core.warehouse.columns import filled
from loyalty_core.warehouse.dialects.abilities import Abilities
from loyalty_core.warehouse.dialects.base import WithQuantiles, is_read_alike, json_or_blank, within_python
from loyalty_core.warehouse.engine import engine_options, interrupt_of
from loyalty_core.warehouse.guards import Guards
from loyalty_core.warehouse.predictions import ReadableFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from loyalty_core.settings import Settings
    from loyalty_core.warehouse.arrow import Batches, Source
    from loyalty_core.warehouse.time_limit import Interrupt

# On premise: nothing is fetched from a network, not even a part of DuckDB.
_WITHOUT_EXTENSIONS = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
# All connections of a process to one file share its configuration.
_confining = threading.Lock()
_IN_MEMORY_OR_REMOTE = (":memory:", "md:", "motherduck:")


class _Arrays:
    """Arrays: sums of products keep a buffer for every product, which takes seven times as long."""

    def vector(self, numbers: Sequence[str]) -> str:
        return f"CAST([{', '.join(numbers)}] AS FLOAT[{len(numbers)}])"

    def inner_product(self, vector: str, weights: Sequence[str]) -> str:
        """In single precision, as in LiteRT."""
        return f"CAST(array_inner_product({vector}, {self.vector(weights)}) AS DOUBLE)"


class DuckDB(WithQuantiles):
    """A file with Arrow built in, and predictions in a Parquet file that it reads as a relation."""

    name = "duckdb"
    title = "DuckDB"
    grammar = "duckdb"
    is_offered = True
    is_embedded = True
    locks_file = True
    has_arrays = True
    list_form = "array"
    casts_nan = True
    double = "DOUBLE"
    functions = STANDARD_FUNCTIONS | {"CONTAINS", "ENDS_WITH", "LENGTH", "MOD", "STARTS_WITH", "STRPOS", "SUBSTR"}
    vectors = _Arrays()
    predictions = ReadableFile()
    abilities = Abilities(
        tested="every function, at every change",
        refuses_writes="the connection",
        limits_time="statements are stopped",
        bulk="its own Arrow",
        quantiles="exact",
        predictions="a Parquet file beside it",
    )

    def open_engine(self, url: sa.URL, settings: Settings) -> sa.Engine:
        """Read only, in UTC, and without access to any file but its own, the predictions and what settings allow."""
        arguments = {"read_only": True, "config": _WITHOUT_EXTENSIONS}
        options = engine_options(settings)
        engine = sa.create_engine(url, connect_args=arguments, isolation_level="AUTOCOMMIT", **options)
        file = self.file_of(url)
        if file is None:
            event.listen(engine, "connect", _set_utc)
        else:
            folders = [predictions_file(settings, file).parent, *settings.dwh_readable_folders]
            event.listen(engine, "connect", partial(_confine, folders))
        return engine

    def file_of(self, url: sa.URL) -> Path | None:
        """None for a database in memory or at MotherDuck."""
        if not url.database or url.database.startswith(_IN_MEMORY_OR_REMOTE):
            return None
        return Path(url.database)

    def version(self) -> sa.ColumnElement[str]:
        """`version()`."""
        return sa.func.version()

    def guards(self, connection: sa.Connection) -> Guards:
        """Its access mode; the time limit is watched here."""
        mode = connection.execute(sa.select(sa.func.current_setting("access_mode"))).scalar_one()
        return Guards(mode == "read_only", limits_time=self.interrupt(connection) is not None)

    def interrupt(self, connection: sa.Connection) -> Interrupt | None:
        """The driver's own."""
        return interrupt_of(connection)

    @contextmanager
    def batches(self, connection: sa.Connection, select: sa.Select, batch_rows: int) -> Iterator[Source]:
        """DuckDB's own record batches."""

        def batches() -> Batches:
            result: Any = connection.execute(select, execution_options={"duckdb_arrow": True})
            with result.batches(batch_rows) as reader:
                yield from at_least_one(reader, reader.schema)

        with closing(batches()) as source:
            yield source, interrupt_of(connection)

    def each_of(self, values: Sequence[sa.ColumnElement[Any]]) -> sa.FromClause:
        """`unnest`: a UNION would join customers with their predictions again for each of them."""
        position = sa.func.unnest(sa.func.range(len(values)), type_=sa.Integer())
        value = sa.func.unnest(sa.func.list_value(*values), type_=values[0].type)
        return sa.select(position.label("position"), value.label("value")).correlate_except(None).lateral("each")

    def readable(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Numbers, dates, texts and UUIDs as they are, every other type as the text that the database shows.

        NaN, JSON's null and dates that Python cannot represent are blank.
        """
        kind = column.type
        if isinstance(kind, sa.JSON):
            return json_or_blank(column)
        if _is_in_other_units(kind):
            return within_python(sa.cast(column, postgresql.TIMESTAMP()))
        if isinstance(kind, sa.Date | sa.DateTime):
            return within_python(column)
        if isinstance(kind, sa.Numeric | sa.Float):
            return filled(column)
        return column if is_read_alike(column) else sa.cast(column, sa.Text)

    def contains(self, text: str, part: str, *, written_out: bool) -> str:
        """`contains()`, and standard SQL where it is to be translated: other databases mean another function by it."""
        if written_out:
            return super().contains(text, part, written_out=True)
        return f"contains({text}, {part})"

    def exact(self, text: str, *, written_out: bool) -> str:
        """Whatever collation the column was made with; left out for people, since hardly any column has one."""
        return text if written_out else f"({text} COLLATE C)"

    def by_code_point(self, text: str, *, written_out: bool) -> str:
        """As `exact`."""
        return self.exact(text, written_out=written_out)

    def moment(self, column: str, kind: sa.types.TypeEngine[Any]) -> str:
        """In microseconds, as Python has times and as literals are read; TIMESTAMP_S, _MS and _NS differ."""
        return f"CAST({column} AS TIMESTAMP)" if _is_in_other_units(kind) else column

    def double_literal(self, number: float) -> str:
        """With an exponent: without one it is a decimal, which is compared with a FLOAT as a FLOAT."""
        written = repr(number)
        return written if "e" in written else f"{written}e0"

    def starts_with(self, text: str, part: str, *, written_out: bool) -> str:
        """`starts_with()`, and standard SQL where it is to be translated."""
        if written_out:
            return super().starts_with(text, part, written_out=True)
        return f"starts_with({text}, {part})"

    def ends_with(self, text: str, part: str, *, written_out: bool) -> str:
        """`ends_with()`, and standard SQL where it is to be translated."""
        if written_out:
            return super().ends_with(text, part, written_out=True)
        return f"ends_with({text}, {part})"


def _is_in_other_units(kind: sa.types.TypeEngine[Any]) -> bool:
    """Whether a type is TIMESTAMP_S, _MS or _NS: the driver's dialect has another class for TIMESTAMP itself."""
    return type(kind) in {sa.TIMESTAMP, TimestampNs} and not getattr(kind, "timezone", False)


def _set_utc(connection: Any, _record: object) -> None:
    # Not as a connection setting: that is read before DuckDB has loaded its own time zones.
    connection.execute("SET GLOBAL TimeZone = 'UTC'")


def _confine(folders: Iterable[Path], connection: Any, record: object) -> None:
    """For good, and for all connections to the file: a view in it, or a query of the settings, reads no other file."""
    with _confining:
        (is_confined,) = connection.execute("SELECT current_setting('lock_configuration')").fetchone()
        if is_confined:
            return
        _set_utc(connection, record)
        literals = ", ".join("'" + str(folder.resolve()).replace("'", "''") + "'" for folder in folders)
        connection.execute(f"SET allowed_directories = [{literals}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
