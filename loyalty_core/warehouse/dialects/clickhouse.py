"""ClickHouse, inside this process by chDB."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import sqlalchemy as sa

from loyalty_core.rules.sql.dialect import HALF, SPLITTER, STANDARD_FUNCTIONS
from loyalty_core.warehouse.arrow import at_least_one
from loyalty_core.warehouse.clickhouse.functions import parametric
from loyalty_core.warehouse.clickhouse.predictions import ClickHouseTables
from loyalty_core.warehouse.columns import filled
from loyalty_core.warehouse.dialects.abilities import Abilities
from loyalty_core.warehouse.dialects.base import Dialect, is_read_alike
from loyalty_core.warehouse.engine import engine_options, interrupt_of
from loyalty_core.warehouse.guards import Guards

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from loyalty_core.settings import Settings
    from loyalty_core.warehouse.arrow import Batches, Source
    from loyalty_core.warehouse.time_limit import Interrupt

# The remainder r, with the sign of the dividend.
_SIGNED = "CASE WHEN a < 0 AND r > 0 THEN r - abs(b) WHEN a > 0 AND r < 0 THEN r + abs(b) ELSE r END"


class ClickHouse(Dialect):
    """Sessions refuse to write; text functions of standard SQL count bytes, so that those for UTF-8 are used."""

    name = "clickhouse"
    title = "ClickHouse"
    grammar = "clickhouse"
    casts_nan = True
    nan_equals_itself = False
    double = "Float64"
    computes_networks = False
    # Those of standard SQL for parts of texts count bytes.
    functions = STANDARD_FUNCTIONS - {"CHAR_LENGTH", "LEFT", "RIGHT", "SUBSTRING"} | {
        "ARRAYMAP",
        "ENDSWITH",
        "LENGTHUTF8",
        "STARTSWITH",
        "SUBSTRINGUTF8",
        "TODATE32",
        "TODATETIME64",
        "TODECIMAL256",
    }
    predictions = ClickHouseTables()
    abilities = Abilities(
        tested="every function, on chDB 4.4, at every change",
        refuses_writes="the connection",
        limits_time="statements are stopped",
        bulk="its own Arrow",
        quantiles="exact",
        predictions="a table for each run, and a view on the last",
    )

    def open_engine(self, url: sa.URL, settings: Settings) -> sa.Engine:
        """Sessions in UTC that refuse to write."""
        return sa.create_engine(url, connect_args={"is_read_only": True}, **engine_options(settings))

    def version(self) -> sa.ColumnElement[str]:
        """`version()`."""
        return sa.func.concat("ClickHouse ", sa.func.version())

    def guards(self, connection: sa.Connection) -> Guards:
        """The session's own setting; the time limit is watched here."""
        readonly = connection.execute(sa.select(sa.func.getSetting("readonly"))).scalar_one()
        return Guards(readonly == 2, limits_time=self.interrupt(connection) is not None)

    def interrupt(self, connection: sa.Connection) -> Interrupt | None:
        """The driver's own."""
        return interrupt_of(connection)

    @contextmanager
    def batches(self, connection: sa.Connection, select: sa.Select, batch_rows: int) -> Iterator[Source]:
        """The driver's record batches."""
        del batch_rows
        types = {column.name: column.type for column in select.selected_columns}

        def batches() -> Batches:
            cursor: Any = connection.execute(select).cursor
            with closing(cursor):
                schema = pa.schema([_as_declared(field, types.get(field.name)) for field in cursor.schema])
                yield from at_least_one((batch.cast(schema) for batch in cursor.batches()), schema)

        with closing(batches()) as source:
            yield source, interrupt_of(connection)

    def readable(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Numbers, dates and texts as they are, every other type as the text that ClickHouse shows; NaN is blank."""
        kind = column.type
        if isinstance(kind, sa.Numeric | sa.Float):
            return filled(column)
        if isinstance(kind, sa.DateTime):
            return sa.cast(column, kind)  # in microseconds: some are in whole seconds, which arrive as a number
        return column if is_read_alike(column) or isinstance(kind, sa.Date) else sa.cast(column, sa.Text)

    def quantile(self, value: sa.ColumnElement[Any], share: float) -> sa.ColumnElement[Any]:
        """`quantileExactWeighted`, which alone takes the first value whose rank reaches the share."""
        return parametric("quantileExactWeighted", share, value, sa.literal_column("1"), kind=value.type)

    def interpolated_quantile(self, value: sa.ColumnElement[Any], share: float) -> sa.ColumnElement[Any]:
        """`quantileExactInclusive`."""
        return parametric("quantileExactInclusive", share, value, kind=sa.Double())

    def contains(self, text: str, part: str, *, written_out: bool) -> str:
        """`position()`; that it counts bytes makes no difference here."""
        del written_out
        return f"position({text}, {part}) > 0"

    def starts_with(self, text: str, part: str, *, written_out: bool) -> str:
        """`startsWith()`."""
        del written_out
        return f"startsWith({text}, {part})"

    def ends_with(self, text: str, part: str, *, written_out: bool) -> str:
        """`endsWith()`."""
        del written_out
        return f"endsWith({text}, {part})"

    def length(self, text: str) -> str:
        """`lengthUTF8()`."""
        return f"lengthUTF8({text})"

    def substring(self, text: str, start: str, length: str | None = None) -> str:
        """`substringUTF8()`."""
        return f"substringUTF8({text}, {start}" + (")" if length is None else f", {length})")

    def remainder(self, left: str, right: str) -> str:
        """As `_remainder_in_halves`, with lambdas in place of subqueries, which lose the rows that have NULL."""
        return _let(
            {"a": left, "b": right},
            _let(
                {"q": "trunc(a / b)", "u": f"b * {SPLITTER} - (b * {SPLITTER} - b)"},
                _let(
                    {"l": "b - u", "m": f"trunc(q / {HALF}) * {HALF}"},
                    _let({"r": "a - u * m - u * (q - m) - l * m - l * (q - m)"}, _SIGNED),
                ),
            ),
        )


def _let(values: Mapping[str, str], expression: str) -> str:
    """An expression in which names stand for values: a lambda over arrays of one element."""
    return f"arrayMap(({', '.join(values)}) -> {expression}, {', '.join(f'[{value}]' for value in values.values())})[1]"


def _as_declared(field: pa.Field, kind: sa.types.TypeEngine[Any] | None) -> pa.Field:
    """Conditions are small numbers, counts have no sign, and the zone of a session is one of every time."""
    match kind:
        case sa.Boolean():
            return pa.field(field.name, pa.bool_())
        case sa.Integer():
            return pa.field(field.name, pa.int64())
        case sa.DateTime(timezone=aware):
            return pa.field(field.name, pa.timestamp("us", "UTC" if aware else None))
        case _:
            return pa.field(field.name, field.type)
