"""What the values of each column are like, counted over all customers: how many differ, how many repeat."""

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from loyalty_core.loading.column_types import TypedColumn
from loyalty_core.loading.source_file import quoted

# A rarer text is not learned as a category of its own, see `ml.features`.
_MIN_CATEGORY_ROWS, _MIN_CATEGORY_SHARE = 10, 0.005


@dataclass(frozen=True)
class ColumnProfile:
    """Counts of rows. `distinct` leaves out blanks, `most_common` does not; `in_categories` have a frequent value.

    `is_sequence`: whole numbers without a gap or a repetition. `digits`: how many all values have, 0 where that
    differs.
    """

    column: TypedColumn
    rows: int
    filled: int
    distinct: int
    most_common: int
    in_categories: int
    is_sequence: bool
    digits: int

    @property
    def is_unique(self) -> bool:
        return self.distinct == self.filled == self.rows


def profile_columns(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Iterable[TypedColumn]
) -> list[ColumnProfile]:
    """Profile the columns of a table of customers."""
    (rows,) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0]  # noqa: S608
    return [_profile(connection, table, rows, column) for column in columns]


def _profile(connection: duckdb.DuckDBPyConnection, table: str, rows: int, column: TypedColumn) -> ColumnProfile:
    enough = max(_MIN_CATEGORY_ROWS, _MIN_CATEGORY_SHARE * rows)
    whole = column.type == "BIGINT"
    span = "max(value) - min(value) + 1" if whole else "NULL"
    lengths = "length(abs(value)::VARCHAR)" if whole else "NULL"
    filled, distinct, most_common, in_categories, span_found, shortest, longest = connection.execute(
        f"""WITH counted AS (SELECT {quoted(column.name)} AS value, count(*) AS n FROM {table} GROUP BY ALL)
        SELECT coalesce(sum(n) FILTER (value IS NOT NULL), 0), count(value), max(n),
            coalesce(sum(n) FILTER (value IS NOT NULL AND n >= {enough}), 0), {span}, min({lengths}), max({lengths})
        FROM counted"""  # noqa: S608 (quoted identifiers)
    ).fetchall()[0]
    return ColumnProfile(
        column,
        rows,
        filled,
        distinct,
        most_common or 0,
        in_categories,
        is_sequence=filled == distinct == span_found and rows > 1,
        digits=longest if shortest is not None and shortest == longest else 0,
    )
