"""A file with one row per customer (CSV or Parquet) as a warehouse: the features view and the churn history."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from loyalty_core.errors import DataError
from loyalty_core.loading.column_types import TypedColumn, identifier, text_of, typed_columns
from loyalty_core.loading.report import LoadReport
from loyalty_core.loading.source_file import SOURCE_ROWS, SourceRows, listed, open_load, quoted
from loyalty_core.loading.text_formats import NO_WORDS, YES_WORDS, DateOrder
from loyalty_core.loading.warehouse_file import record_source

CUSTOMERS = "typed_customers"
EXAMPLES = 3


@dataclass(frozen=True)
class _Layout:
    """Which column of the file is what."""

    file: Path
    id_name: str
    churn_name: str | None
    features: list[TypedColumn]
    notes: list[str]


def load_features(
    file: Path,
    out: Path,
    *,
    id_column: str,
    churn_column: str | None = None,
    snapshot: date | None = None,
    date_order: DateOrder | None = None,
    overwrite: bool = False,
) -> LoadReport:
    """Write the customers of `file` to the warehouse `out`.

    `customer_features_view` has every column but the label. With `churn_column`, `customer_churn_history` has
    them too, with `churned` (0 or 1) and `snapshot_date`: the file's own column of that name, else `snapshot`,
    else the day the file was written. Raises DataError when the file cannot be used, SettingsError for `out`.
    """
    with open_load(file, out, overwrite=overwrite) as (connection, rows):
        day = snapshot or datetime.fromtimestamp(file.stat().st_mtime, UTC).date()
        layout = _layout(connection, rows, id_column, churn_column, date_order)
        _type_customers(connection, rows, layout)
        copies = _drop_copies(connection)
        _check_ids(connection, layout)
        notes = [*rows.notes, *layout.notes]
        label = "EXCLUDE (churned)" if layout.churn_name else ""
        connection.execute(f"CREATE TABLE customer_features AS SELECT * {label} FROM {CUSTOMERS}")  # noqa: S608
        connection.execute("CREATE VIEW customer_features_view AS FROM customer_features")
        if layout.churn_name:
            notes.append(_write_churn_history(connection, layout, day))
        kept = f"{rows.row_count - copies:,} customers with {len(layout.features):,} columns besides the id"
        report = LoadReport(file.name, rows.row_count, kept, {"exact copies of another row": copies}, notes)
        record_source(connection, "features file", snapshot_date=day, **report.facts())
    return report


def _layout(
    connection: duckdb.DuckDBPyConnection,
    rows: SourceRows,
    id_column: str,
    churn_column: str | None,
    date_order: DateOrder | None,
) -> _Layout:
    id_name = rows.find(id_column, "--id")
    churn_name = rows.find(churn_column, "--churn") if churn_column else None
    if id_name == churn_name:
        raise DataError(f"Column {id_name} cannot be both the id and the churn label.")
    names = [name for name in rows.types if name not in (id_name, churn_name)]
    ours = {"customer_id": id_name, "churned": churn_name}
    for name in names:
        if replaced := ours.get(name.lower()):
            raise DataError(
                f"{rows.file.name} has a column {name} besides {replaced}.",
                f"{replaced} becomes {name.lower()} in the warehouse, so the name would be there twice.",
                f"Use {name} instead of {replaced}, or take one of them out of the file.",
            )
    columns = typed_columns(connection, rows, names, date_order)
    features = [column for column in columns if column.sql]
    return _Layout(rows.file, id_name, churn_name, features, [column.note for column in columns if column.note])


def _type_customers(connection: duckdb.DuckDBPyConnection, rows: SourceRows, layout: _Layout) -> None:
    """Fill the temporary table of customers: the id, the features in the file's order, the label at the end."""
    selected = [f"{identifier(connection, rows, layout.id_name)} AS customer_id"]
    selected += [f"{column.sql} AS {quoted(column.name)}" for column in layout.features]
    if layout.churn_name:
        selected.append(f"{_label_sql(connection, layout.churn_name)} AS churned")
    connection.execute(f"CREATE TEMP TABLE {CUSTOMERS} AS SELECT {', '.join(selected)} FROM {SOURCE_ROWS}")  # noqa: S608


def _label_sql(connection: duckdb.DuckDBPyConnection, churn_name: str) -> str:
    """SQL of the label as 1, 0 or NULL for blank; DataError when a value is none of these."""
    text = f"lower({text_of(churn_name)})"
    label = f"CASE WHEN {text} IN {YES_WORDS} THEN 1 WHEN {text} IN {NO_WORDS} THEN 0 END"
    odd = connection.execute(
        f"""SELECT {text_of(churn_name)} AS value, count(*) FROM {SOURCE_ROWS}
        WHERE {text} IS NOT NULL AND {label} IS NULL
        GROUP BY value ORDER BY count(*) DESC, value"""  # noqa: S608
    ).fetchall()
    if odd:
        examples = listed((f"{value!r} ({count:,} rows)" for value, count in odd), EXAMPLES)
        raise DataError(
            f"Column {churn_name} cannot be read as churned or not.",
            f"It holds {examples}.",
            "It must hold yes or no, true or false, or 1 or 0; leave it blank where it is not known.",
        )
    return label


def _drop_copies(connection: duckdb.DuckDBPyConnection) -> int:
    """Remove rows that equal another in every column; returns how many."""
    count = f"SELECT count(*), count(DISTINCT customer_id) FROM {CUSTOMERS}"  # noqa: S608
    before, ids = connection.execute(count).fetchall()[0]
    if before == ids:  # comparing whole rows is dear, so only when an id is there twice
        return 0
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {CUSTOMERS} AS SELECT DISTINCT * FROM {CUSTOMERS}")  # noqa: S608
    after, _ = connection.execute(count).fetchall()[0]
    return before - after


def _check_ids(connection: duckdb.DuckDBPyConnection, layout: _Layout) -> None:
    (blank,) = connection.execute(
        f"SELECT count(*) FROM {SOURCE_ROWS} WHERE {text_of(layout.id_name)} IS NULL"  # noqa: S608
    ).fetchall()[0]
    if blank:
        raise DataError(
            f"Column {layout.id_name} is blank in {blank:,} rows of {layout.file.name}.",
            "Each row needs the id of its customer.",
            "Fill in the ids or take these rows out.",
        )
    repeated = connection.execute(
        f"SELECT customer_id, count(*) FROM {CUSTOMERS} GROUP BY customer_id HAVING count(*) > 1 ORDER BY 2 DESC, 1"  # noqa: S608
    ).fetchall()
    if repeated:
        examples = listed((f"{customer} ({count:,} rows)" for customer, count in repeated), EXAMPLES)
        raise DataError(
            f"{len(repeated):,} ids in column {layout.id_name} are there more than once: {examples}.",
            "A customer must have one row, and it cannot be told which of these is right.",
            "Keep one row for each id; load a log of purchases with `loading transactions`.",
        )


def _write_churn_history(connection: duckdb.DuckDBPyConnection, layout: _Layout, day: date) -> str:
    """Write `customer_churn_history`; returns a sentence on the labels."""
    own = next((column for column in layout.features if column.name.lower() == "snapshot_date"), None)
    dated = own is not None and own.type in ("DATE", "TIMESTAMP")
    snapshot = f"coalesce({quoted(own.name)}::DATE, DATE '{day}')" if own and dated else f"DATE '{day}'"
    left_out = "churned, snapshot_date" if own else "churned"
    connection.execute(
        f"""CREATE TABLE customer_churn_history AS
        SELECT * EXCLUDE ({left_out}), churned, {snapshot} AS snapshot_date
        FROM {CUSTOMERS} WHERE churned IS NOT NULL"""  # noqa: S608
    )
    known, churned, blank = connection.execute(
        f"SELECT count(churned), coalesce(sum(churned), 0), count(*) - count(churned) FROM {CUSTOMERS}"  # noqa: S608
    ).fetchall()[0]
    sentence = f"Churn history: {churned:,} of {known:,} customers churned ({layout.churn_name})"
    sentence += f"; {blank:,} with a blank label are left out of it." if blank else "."
    one_sided = churned in (0, known)
    return f"{sentence} A model needs both kinds, so none can be trained on this." if one_sided else sentence
