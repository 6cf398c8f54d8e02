"""How databases differ; the defaults hold for a database that overrides nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy as sa

from loyalty_core.rules.sql.dialect import SqlDialect
from loyalty_core.warehouse.arrow import rows_as_batches
from loyalty_core.warehouse.dialects.abilities import Abilities
from loyalty_core.warehouse.engine import engine_options
from loyalty_core.warehouse.guards import Guards
from loyalty_core.warehouse.predictions import PredictionStorage, RunTables

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from loyalty_core.settings import Settings
    from loyalty_core.warehouse.arrow import Source
    from loyalty_core.warehouse.time_limit import Interrupt


_READ_ALIKE = (sa.Boolean, sa.Integer, sa.String, sa.Uuid)


class Vectors(Protocol):
    """Vectors of numbers in SQL, for the layers of networks."""

    def vector(self, numbers: Sequence[str]) -> str:
        """Numbers as one value."""
        ...

    def inner_product(self, vector: str, weights: Sequence[str]) -> str:
        """The sum of the products of a vector's numbers with weights."""
        ...


class Dialect(SqlDialect):
    """A database; the SQL of its rules is described by `SqlDialect`.

    By default, a database is a server that is read row by row, whose account should only be able to read, except that
    it may create the tables of predictions.
    """

    # As people write it, and sqlglot's name of its grammar where a rule can be translated to it.
    title = ""
    grammar: str | None = None
    # Offered as a grammar on the SQL tab, whatever the warehouse is.
    is_offered = False
    # The database is a file. DuckDB also prevents changes to it while it is open here.
    is_embedded = False
    locks_file = False
    # Columns may be declared without a type, and those of a view often are.
    has_untyped_columns = False
    # One array parameter instead of a parameter for each value.
    has_arrays = False
    # Networks that are written out as SQL can be computed: a subquery is not repeated for each use of its columns.
    computes_networks = True
    # None where sums of products are faster than what the database has for vectors.
    vectors: Vectors | None = None
    # Types that a driver names by a code only where SQLAlchemy did not reflect the column.
    types_by_code: Mapping[object, sa.types.TypeEngine[Any]] = MappingProxyType({})
    # Of how many columns one statement computes figures, of up to five each: PostgreSQL's have at most 1,664.
    columns_per_statement = 300
    # Quantiles and numbers of different values come from sketches and are near the exact ones; screens say so.
    uses_sketches = False
    # Where scoring runs are stored and how they are read.
    predictions: PredictionStorage = RunTables()
    # In words, for docs/engines.md.
    abilities = Abilities()

    def open_engine(self, url: sa.URL, settings: Settings) -> sa.Engine:
        """A pooled engine; nothing is opened yet. Where the dialect can, its connections refuse to write."""
        return sa.create_engine(url, pool_pre_ping=True, pool_recycle=1800, **engine_options(settings))

    def file_of(self, url: sa.URL) -> Path | None:
        """The file of an embedded database; None for servers and databases in memory."""
        del url
        return None

    def guards(self, connection: sa.Connection) -> Guards:
        """Which guards hold for what the connection reads."""
        return Guards(limits_time=self.interrupt(connection) is not None)

    def version(self) -> sa.ColumnElement[str]:
        """The expression that gives the server's version."""
        return sa.literal(self.title)

    def interrupt(self, connection: sa.Connection) -> Interrupt | None:
        """What stops the statement that the connection runs; None where the database has a limit of its own."""
        del connection
        return None

    def cancel(self, connection: sa.Connection) -> Interrupt | None:
        """What stops the statement when its result is no longer wanted; by default what stops it at the limit."""
        return self.interrupt(connection)

    def batches(self, connection: sa.Connection, select: sa.Select, batch_rows: int) -> AbstractContextManager[Source]:
        """The result as Arrow record batches of any size, and what stops the statement."""
        return rows_as_batches(connection, select, batch_rows, self.interrupt(connection))

    def readable(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """The column in a form that the driver returns unchanged, row by row and in bulk."""
        return column

    def unreadable(self, connection: sa.Connection, table: sa.TableClause) -> Collection[str]:
        """The columns of a table or view that the account may not read, unless it may read none of them."""
        del connection, table
        return ()

    def is_one_of(self, column: sa.ColumnElement[Any], values: Collection[Any]) -> sa.ColumnElement[bool]:
        """Whether `column` equals one of `values`, which have the column's own type and hold no blanks."""
        if not self.has_arrays:
            return column.in_(list(values))
        return column == sa.any_(sa.bindparam(None, list(values), type_=sa.ARRAY(_wide(column.type))))

    def single(self, number: str) -> str:
        """A double in SQL, rounded to single precision."""
        return f"CAST(CAST({number} AS REAL) AS {self.double})"

    def computed_once(self, select: sa.Select, name: str) -> sa.FromClause:
        """The statement as a relation whose columns are computed once, not again wherever they are read."""
        return select.subquery(name)

    def at_random(self) -> sa.ColumnElement[Any]:
        """A number to sort by, so that rows are in random order."""
        return sa.func.random()

    def quantile(self, value: sa.ColumnElement[Any], share: float) -> sa.ColumnElement[Any] | None:
        """The smallest value that this share of all is at or below, as an aggregate; None where there is none."""
        del value, share
        return None

    def interpolated_quantile(self, value: sa.ColumnElement[Any], share: float) -> sa.ColumnElement[Any] | None:
        """The value below which this share of all lies, interpolated, as an aggregate; None where there is none."""
        del value, share
        return None

    def each_of(self, values: Sequence[sa.ColumnElement[Any]]) -> sa.FromClause | None:
        """`position` and `value` of each of these in one row of the relations that they are of, in FROM beside it.

        None where reading the relation once for each of them is at least as fast.
        """
        del values
        return None

    def different_values(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any] | None:
        """About how many different values there are, as an aggregate; None where only counting each would say."""
        del column
        return None


class WithQuantiles(Dialect):
    """A database with the ordered-set aggregates of the SQL standard."""

    def quantile(self, value: sa.ColumnElement[Any], share: float) -> sa.ColumnElement[Any]:
        """PERCENTILE_DISC."""
        return sa.func.percentile_disc(share).within_group(value)

    def interpolated_quantile(self, value: sa.ColumnElement[Any], share: float) -> sa.ColumnElement[Any]:
        """PERCENTILE_CONT."""
        return sa.func.percentile_cont(share).within_group(value)


def within_python(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A date or time, NULL where Python cannot represent it: infinity, before the year 1 and after 9999."""
    if isinstance(column.type, sa.DateTime):
        zone = UTC if column.type.timezone else None
        first, last = datetime.min.replace(tzinfo=zone), datetime.max.replace(tzinfo=zone)
        kind: sa.types.TypeEngine[Any] = sa.DateTime(timezone=zone is not None)
    else:
        first, last, kind = date.min, date.max, sa.Date()
    within = column.between(sa.literal(first, kind), sa.literal(last, kind))
    return sa.type_coerce(sa.case((within, column)), column.type)


def json_or_blank(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """JSON as text, NULL where it is JSON's null."""
    return sa.func.nullif(sa.func.trim(sa.cast(column, sa.Text)), "null", type_=sa.Text())


def is_read_alike(column: sa.ColumnElement[Any]) -> bool:
    """Whether drivers give values of the column's type unchanged, row by row and in bulk; all other types become text.

    A computed column without a type is left to the driver.
    """
    if isinstance(column.type, sa.types.NullType):
        return not isinstance(column, sa.Column)
    return isinstance(column.type, _READ_ALIKE)


def _wide(kind: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    """A type wide enough that a value beyond the column's own type is found nowhere, and is no error."""
    if isinstance(kind, sa.Integer):
        return sa.BigInteger()
    return sa.Numeric() if isinstance(kind, sa.Numeric) else kind
