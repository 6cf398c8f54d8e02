"""A file with one row per customer (CSV or Parquet) as a warehouse: the features view and the churn history."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from loyalty_core.errors import DataError
from loyalty_core.loading.column_types import TypedColumn, typed_columns
from loyalty_core.loading.file_format import FileFormat
from loyalty_core.loading.identifiers import identifier
from loyalty_core.loading.readings import NO_WORDS, YES_WORDS
from loyalty_core.loading.report import LoadReport
from loyalty_core.loading.source_file import SOURCE_ROWS, SourceRows, listed, open_load, quoted
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

    @property
    def date_name(self) -> str | None:
        """The file's own column of the day that each row is from."""
        dated = (column for column in self.features if column.type in ("DATE", "TIMESTAMP"))
        return next((column.name for column in dated if column.name.lower() == "snapshot_date"), None)


def load_features(
    file: Path,
    out: Path,
    *,
    id_column: str,
    churn_column: str | None = None,
    snapshot: date | None = None,
    written: FileFormat | None = None,
    overwrite: bool = False,
) -> LoadReport:
    """Write the customers of `file` to the warehouse `out`.

    `customer_features_view` has every column but the label. With `churn_column`, `customer_churn_history` has
    them too, with `churned` (0 or 1) and, where the day of the data is known, `snapshot_date`: the file's own column
    of that name, else `snapshot`. Raises DataError when the file cannot be used, SettingsError for `out`.
    """
    with open_load(file, out, written or FileFormat(), overwrite=overwrite) as (connection, rows):
        layout = _layout(connection, rows, id_column, churn_column)
        _type_customers(connection, rows, layout)
        copies = _drop_copies(connection)
        _check_ids(connection, rows, layout)
        notes = rows.notes
        label = "EXCLUDE (churned)" if layout.churn_name else ""
        connection.execute(f"CREATE TABLE customer_features AS SELECT * {label} FROM {CUSTOMERS}")  # noqa: S608
        connection.execute("CREATE VIEW customer_features_view AS FROM customer_features")
        if layout.churn_name:
            notes.append(_write_churn_history(connection, layout, snapshot))
        loaded = f"{rows.row_count - copies:,} customers with {len(layout.features):,} columns besides the id"
        report = LoadReport(file.name, rows.row_count, loaded, {"exact copies of another row": copies}, notes)
        written_at = datetime.fromtimestamp(file.stat().st_mtime, UTC).date()
        record_source(connection, "features file", snapshot_date=snapshot, file_date=written_at, **report.facts())
    return report


def _layout(
    connection: duckdb.DuckDBPyConnection,
    rows: SourceRows,
    id_column: str,
    churn_column: str | None,
) -> _Layout:
    id_name = rows.find(id_column, "--id")
    churn_name = rows.find(churn_column, "--churn") if churn_column else None
    if id_name == churn_name:
        raise DataError(f"Column {id_name} cannot be both the id and the churn label.")
    names = [name for name in rows.types if name not in (id_name, churn_name)]
    reserved = {"customer_id": id_name, "churned": churn_name}
    for name in names:
        if replaced := reserved.get(name.lower()):
            raise DataError(
                f"{rows.file.name} has a column {name} besides {replaced}.",
                f"{replaced} becomes {name.lower()} in the warehouse, so the name would be there twice.",
                f"Use {name} instead of {replaced}, or take one of them out of the file.",
            )
    columns = typed_columns(connection, rows, names)
    rows.notes.extend(column.note for column in columns if column.note)
    return _Layout(rows.file, id_name, churn_name, [column for column in columns if column.sql])


def _type_customers(connection: duckdb.DuckDBPyConnection, rows: SourceRows, layout: _Layout) -> None:
    """Fill the temporary table of customers: the id, the features in the file's order, the label at the end."""
    selected = [f"{identifier(connection, rows, layout.id_name)} AS customer_id"]
    selected += [f"{column.sql} AS {quoted(column.name)}" for column in layout.features]
    if layout.churn_name:
        selected.append(f"{_label_sql(connection, rows, layout.churn_name)} AS churned")
    connection.execute(f"CREATE TEMP TABLE {CUSTOMERS} AS SELECT {', '.join(selected)} FROM {SOURCE_ROWS}")  # noqa: S608


def _label_sql(connection: duckdb.DuckDBPyConnection, rows: SourceRows, churn_name: str) -> str:
    """SQL of the label as 1, 0 or NULL for blank; DataError when a value is none of these."""
    text = f"lower({rows.value_of(churn_name)})"
    label = f"CASE WHEN {text} IN {YES_WORDS} THEN 1 WHEN {text} IN {NO_WORDS} THEN 0 END"
    odd = connection.execute(
        f"""SELECT {rows.value_of(churn_name)} AS value, count(*) FROM {SOURCE_ROWS}
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
    if before == ids:  # comparing whole rows is expensive, so only when an id is repeated
        return 0
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {CUSTOMERS} AS SELECT DISTINCT * FROM {CUSTOMERS}")  # noqa: S608
    after, _ = connection.execute(count).fetchall()[0]
    return before - after


def _check_ids(connection: duckdb.DuckDBPyConnection, rows: SourceRows, layout: _Layout) -> None:
    (blank,) = connection.execute(
        f"SELECT count(*) FROM {SOURCE_ROWS} WHERE {rows.value_of(layout.id_name)} IS NULL"  # noqa: S608
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
            "A customer must have one row, and the file does not show which of these is right.",
            "Keep one row for each id; load a log of purchases with `loyalty load transactions`.",
        )


def _write_churn_history(connection: duckdb.DuckDBPyConnection, layout: _Layout, snapshot: date | None) -> str:
    """Write `customer_churn_history`, dated where the day of the rows is known; returns a sentence on the labels."""
    column, given = layout.date_name, f"DATE '{snapshot}'" if snapshot else "NULL::DATE"
    dated = f"coalesce({quoted(column)}::DATE, {given})" if column else given
    day = f", {dated} AS snapshot_date" if column or snapshot else ""
    replaced = ["churned", *(c.name for c in layout.features if day and c.name.lower() == "snapshot_date")]
    connection.execute(
        f"""CREATE TABLE customer_churn_history AS
        SELECT * EXCLUDE ({", ".join(map(quoted, replaced))}), churned{day}
        FROM {CUSTOMERS} WHERE churned IS NOT NULL"""  # noqa: S608
    )
    known, churned, blank = connection.execute(
        f"SELECT count(churned), coalesce(sum(churned), 0), count(*) - count(churned) FROM {CUSTOMERS}"  # noqa: S608
    ).fetchall()[0]
    sentence = f"Churn history: {churned:,} of {known:,} customers churned ({layout.churn_name})"
    sentence += f"; {blank:,} with a blank label are left out of it." if blank else "."
    if not day:
        sentence += " The day of the data is not known, so the rows have none (see --snapshot)."
    one_sided = churned in (0, known)
    return f"{sentence} A model needs both kinds, so none can be trained on this." if one_sided else sentence
