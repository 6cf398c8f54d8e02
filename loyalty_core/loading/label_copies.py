"""Columns that give the label away: copies of it in any spelling, filled for one answer only, or nearly the label."""

from dataclasses import dataclass

import duckdb

from loyalty_core.loading.column_profiles import ColumnProfile
from loyalty_core.loading.source_file import quoted

# The area under the ROC curve of a column alone. On five real data sets the best honest column had .80.
_SUSPICIOUS, _COPY = 0.9, 0.995
_EXPLAINED = 0.98  # of what a constant guess gets wrong: from there, the values of a column say what the label is
_MIN_PER_CLASS = 5  # to call a column a copy; fewer may agree by chance
_MIN_SUSPECTED_PER_CLASS = 20
_CHANCE = 1e-6
_ROWS_PER_VALUE = 5  # a column with fewer would explain any label


@dataclass(frozen=True)
class Leak:
    """Why a column is left out. `is_certain` is false where only the user can tell."""

    reason: str
    is_certain: bool


def label_leak(
    connection: duckdb.DuckDBPyConnection, table: str, profile: ColumnProfile, label: str, label_name: str
) -> Leak | None:
    """Whether a column says who churned, or who was contacted in a test, as the amount of a voucher does.

    `label` is SQL over `table` that gives 1, 0 or NULL, `label_name` the name of its column in the file.

    A blank counts as a value, since a reason to leave is given for leavers only.
    """
    column = profile.column
    if column.type not in ("BIGINT", "DOUBLE", "BOOLEAN", "VARCHAR", "DATE", "TIMESTAMP"):
        return None
    value = quoted(column.name)
    order = "share" if column.type == "VARCHAR" else "value"
    shown = f"CASE WHEN count(*) OVER (PARTITION BY {value}) >= {_ROWS_PER_VALUE} THEN {value} ELSE '' END"
    counted = shown if column.type == "VARCHAR" else value
    ones, zeros, area, blank_area = connection.execute(
        f"""WITH labelled AS (SELECT {counted} AS value, {label} AS label FROM {table} WHERE {label} IS NOT NULL),
        counted AS (
            SELECT value, sum(label) AS ones, sum(1 - label) AS zeros, avg(label) AS share FROM labelled GROUP BY value
        ), ranked AS (
            SELECT *, coalesce(sum(zeros) OVER (ORDER BY {order} NULLS FIRST, value
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS below
            FROM counted
        )
        SELECT sum(ones), sum(zeros),
            sum(ones * (below + zeros / 2)) / nullif(sum(ones) * sum(zeros), 0),
            abs(coalesce(sum(ones) FILTER (value IS NULL), 0) / nullif(sum(ones), 0)
                - coalesce(sum(zeros) FILTER (value IS NULL), 0) / nullif(sum(zeros), 0)) / 2 + 0.5
        FROM ranked"""  # noqa: S608 (quoted identifiers)
    ).fetchall()[0]
    rarest = min(ones or 0, zeros or 0)
    if rarest < _MIN_PER_CLASS:
        return None
    area = max(area, 1 - area)
    if blank_area >= _SUSPICIOUS:
        return Leak(f"it is filled for one answer of {label_name} and blank for the other", is_certain=True)
    if area >= _COPY:
        return Leak(f"it is a copy of {label_name}, written in another way", is_certain=True)
    if area >= _SUSPICIOUS and rarest >= _MIN_SUSPECTED_PER_CLASS:
        return Leak(f"it alone nearly says {label_name} (AUC {area:.3f})", is_certain=False)
    return None


def only_with(connection: duckdb.DuckDBPyConnection, table: str, profile: ColumnProfile, label: str) -> bool:
    """Whether a column is filled, or above zero, only for customers whose `label` (SQL) is 1, beyond what chance does.

    So is what was noted together with it, such as the refund of a customer who left.
    """
    value = quoted(profile.column.name)
    numeric = profile.column.type in ("BIGINT", "DOUBLE", "BOOLEAN")
    marked = f"{value}::DOUBLE <> 0" if numeric else f"{value} IS NOT NULL"
    rows, ones, marked_rows, marked_ones = connection.execute(
        f"""SELECT count(label), sum(label), count(label) FILTER (marked), sum(label) FILTER (marked)
        FROM (SELECT {label} AS label, {marked} AS marked FROM {table})"""  # noqa: S608 (quoted identifiers)
    ).fetchall()[0]
    if not marked_rows or marked_rows == rows or marked_ones < marked_rows or marked_rows < _MIN_PER_CLASS:
        return False
    return (ones / rows) ** marked_rows < _CHANCE


def determines(connection: duckdb.DuckDBPyConnection, table: str, profile: ColumnProfile, label: str) -> bool:
    """Whether a column's values determine the texts of the column `label`, as an offer's number does its name."""
    if profile.distinct * _ROWS_PER_VALUE > profile.rows:
        return False
    value, text = quoted(profile.column.name), quoted(label)
    explained, guessed, rows = connection.execute(
        f"""WITH pairs AS (
            SELECT {value} AS value, {text} AS label, count(*) AS n FROM {table} WHERE {text} IS NOT NULL GROUP BY ALL
        ), by_value AS (SELECT max(n) AS best FROM pairs GROUP BY value),
        by_label AS (SELECT sum(n) AS n FROM pairs GROUP BY label)
        SELECT (SELECT sum(best) FROM by_value), (SELECT max(n) FROM by_label), (SELECT sum(n) FROM by_label)"""  # noqa: S608
    ).fetchall()[0]
    if not rows or rows - guessed < _MIN_PER_CLASS:
        return False
    return (explained - guessed) / (rows - guessed) >= _EXPLAINED
