"""A file with one row per customer (CSV or Parquet) as a warehouse: the features view and the churn history."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from loyalty_core.demo.column_types import TypedColumn, identifier, text_of, typed_columns
from loyalty_core.demo.load_report import LoadReport
from loyalty_core.demo.readings import NO_WORDS, YES_WORDS, DateOrder
from loyalty_core.demo.source_file import SOURCE_ROWS, SourceRows, listed, open_load, quoted
from loyalty_core.demo.warehouse_file import record_source
from loyalty_core.errors import DataError

CUSTOMERS = "typed_customers"
EXAMPLES = 3


@dataclass(frozen=True)
class _Layout:
    """Which column of the file is what."""

    file: Path
    id_name: str
    churn_name: str | None
    features: list[TypedColumn]


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
    day = snapshot or _day_written(file)
    with open_load(file, out, overwrite=overwrite) as (connection, rows):
        layout = _layout(connection, rows, id_column, churn_column, date_order)
        excluded = {"as exact copies of another row": _type_customers(connection, rows, layout)}
        connection.execute(f"CREATE TABLE customer_features AS {_features_sql(layout)}")
        connection.execute("CREATE VIEW customer_features_view AS FROM customer_features")
        notes = [*rows.notes, *(column.note for column in layout.features if column.note)]
        if layout.churn_name:
            notes += _write_churn_history(connection, layout, day)
        (customers,) = connection.execute("SELECT count(*) FROM customer_features").fetchall()[0]
        kept = f"{customers:,} customers with {len(layout.features):,} columns"
        report = LoadReport(file.name, rows.row_count, kept, excluded, notes)
        record_source(connection, "features file", snapshot_date=day, **report.facts())
    return report


def _day_written(file: Path) -> date | None:
    ...
