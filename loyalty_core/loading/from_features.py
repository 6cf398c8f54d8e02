"""A file with one row per customer (CSV or Parquet) as a warehouse: the features view and the models' histories."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from loyalty_core.errors import DataError
from loyalty_core.loading.churn_label import churned_sql
from loyalty_core.loading.column_profiles import profile_columns
from loyalty_core.loading.customer_columns import CustomerColumns, Layout, find_layout
from loyalty_core.loading.feature_suggestion import Labels, Suggestion, suggest_features
from loyalty_core.loading.file_format import FileFormat
from loyalty_core.loading.identifiers import identifier
from loyalty_core.loading.offers import OFFER_IDS, TAKEN, number_offers, take_from_columns
from loyalty_core.loading.offers_file import OffersFile, read_offers
from loyalty_core.loading.report import LoadReport
from loyalty_core.loading.source_file import SOURCE_ROWS, SourceRows, listed, open_load, quoted
from loyalty_core.loading.treatments import outcome_sql, treated_sql, write_treatment_history
from loyalty_core.loading.warehouse_file import record_source

CUSTOMERS = "typed_customers"
EXAMPLES = 3


def load_features(
    file: Path,
    out: Path,
    columns: CustomerColumns,
    *,
    offers: OffersFile | None = None,
    snapshot: date | None = None,
    written: FileFormat | None = None,
    overwrite: bool = False,
    on_phase: Callable[[str], object] = lambda _: None,
) -> LoadReport:
    """Write the customers of `file` to the warehouse `out`.

    - `customer_features_view` has every column but the label, and the days since each date.
    - `customer_churn_history`, where the file says who left, has them too, with `churned` (0 or 1).
    - `customer_treatment_history`, where it says who was contacted, has them with `treated` and `outcome` (0 or 1).
    - `customer_offer_history`, where the offers taken are known from `columns` or the file `offers`, has them with
      `converted_offer_id`, NULL where none was taken; `offers` has the names.

    The histories are dated where the day of the data is known: by the file's own column `snapshot_date`, else by
    `snapshot`; offers by their own file, if it has dates. The report suggests what the models should learn from.
    `on_phase` is called with what is done next. Raises DataError when a file cannot be used, SettingsError for `out`.
    """
    written = written or FileFormat()
    opened = open_load(
        file, out, written, overwrite=overwrite, first=lambda connection: read_offers(connection, offers)
    )
    with opened as (connection, rows):
        on_phase("Recognising columns")
        layout = find_layout(connection, rows, columns, snapshot)
        on_phase("Writing customers")
        _type_customers(connection, rows, layout)
        copies = _drop_copies(connection)
        _check_ids(connection, rows, layout)
        label = "EXCLUDE (churned)" if layout.churn_name else ""
        connection.execute(f"CREATE TABLE customer_features AS SELECT * {label} FROM {CUSTOMERS}")  # noqa: S608
        connection.execute("CREATE VIEW customer_features_view AS FROM customer_features")
        rows.notes += _write_histories(connection, layout, columns, snapshot, out if layout.offers or offers else None)
        on_phase("Choosing what the models learn from")
        suggestion = _suggest(connection, layout, columns.control)
        loaded = f"{rows.row_count - copies:,} customers with {_columns(len(layout.features))} besides the id"
        excluded = {"exact copies of another row": copies}
        report = LoadReport(file.name, rows.row_count, loaded, excluded, rows.notes, suggestion)
        written_at = datetime.fromtimestamp(file.stat().st_mtime, UTC).date()
        record_source(connection, "features file", snapshot_date=snapshot, file_date=written_at, **report.facts())
    return report


def _columns(number: int) -> str:
    return f"{number:,} column" if number == 1 else f"{number:,} columns"


def _write_histories(
    connection: duckdb.DuckDBPyConnection,
    layout: Layout,
    columns: CustomerColumns,
    snapshot: date | None,
    with_offers: Path | None,
) -> list[str]:
    """Write the history of each model that the file has labels for; returns notes.

    `with_offers` is the warehouse, where offers were taken.
    """
    notes: list[str] = []
    if layout.churn_name:
        notes.append(_write_churn_history(connection, layout, snapshot))
    if with_offers:
        notes += _write_offer_history(connection, layout, snapshot, with_offers)
    if layout.treatment:
        notes.append(_write_treatment_history(connection, layout, columns.control, snapshot))
    if columns.has_churn and not (layout.churn_name or with_offers or layout.treatment):
        notes.append(_nothing_to_learn(layout))
    return notes


def _nothing_to_learn(layout: Layout) -> str:
    """Says that no model can be trained, and which columns might be the label."""
    flags = [column.name for column in layout.features if column.type == "BOOLEAN"]
    candidates = f" Columns of yes and no: {listed(flags)}." if flags else ""
    return (
        "No column was recognised as a label, so no model can be trained on this file. Name the column that says who "
        f"left with --churn, or the offers taken with --offer.{candidates}"
    )


def _suggest(connection: duckdb.DuckDBPyConnection, layout: Layout, control: Sequence[str]) -> Suggestion:
    hidden = {layout.date_name, *layout.offers, layout.treatment, *layout.outcomes}
    profiles = profile_columns(connection, CUSTOMERS, [one for one in layout.features if one.name not in hidden])
    labels = Labels(
        "churned" if layout.churn_name else None,
        layout.churn_name or "",
        layout.offers,
        layout.outcomes,
        layout.treatment,
        treated_sql(connection, CUSTOMERS, layout.treatment, control) if layout.treatment else "",
    )
    return suggest_features(connection, CUSTOMERS, profiles, labels, layout.wanted)


def _type_customers(connection: duckdb.DuckDBPyConnection, rows: SourceRows, layout: Layout) -> None:
    """Fill the temporary table of customers: the id, the features in the file's order, the label at the end."""
    selected = [f"{identifier(connection, rows, layout.id_name)} AS customer_id"]
    selected += [f"{column.sql} AS {quoted(column.name)}" for column in layout.features]
    if layout.churn_name:
        label = churned_sql(connection, rows, layout.churn_name, layout.churned)
        selected.append(f"{label} AS churned")
    connection.execute(f"CREATE TEMP TABLE {CUSTOMERS} AS SELECT {', '.join(selected)} FROM {SOURCE_ROWS}")  # noqa: S608


def _drop_copies(connection: duckdb.DuckDBPyConnection) -> int:
    """Remove rows that equal another in every column; returns how many."""
    count = f"SELECT count(*), count(DISTINCT customer_id) FROM {CUSTOMERS}"  # noqa: S608
    before, ids = connection.execute(count).fetchall()[0]
    if before == ids:  # comparing whole rows is expensive, so only when an id is repeated
        return 0
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {CUSTOMERS} AS SELECT DISTINCT * FROM {CUSTOMERS}")  # noqa: S608
    after, _ = connection.execute(count).fetchall()[0]
    return before - after


def _check_ids(connection: duckdb.DuckDBPyConnection, rows: SourceRows, layout: Layout) -> None:
    (blank,) = connection.execute(
        f"SELECT count(*) FROM {SOURCE_ROWS} WHERE {rows.value_of(layout.id_name)} IS NULL"  # noqa: S608
    ).fetchall()[0]
    if blank:
        raise DataError(
            f"Column {layout.id_name} is blank in {blank:,} rows of {rows.file.name}.",
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


def _write_churn_history(connection: duckdb.DuckDBPyConnection, layout: Layout, snapshot: date | None) -> str:
    """Write `customer_churn_history`, dated where the day of the rows is known; returns a sentence on the labels."""
    dated = _day_sql(layout, snapshot)
    day = f", {dated} AS snapshot_date" if dated else ""
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


def _write_offer_history(
    connection: duckdb.DuckDBPyConnection, layout: Layout, snapshot: date | None, out: Path
) -> list[str]:
    """Write `customer_offer_history` and `offers`; returns notes."""
    if layout.offers:
        take_from_columns(connection, CUSTOMERS, layout.offers, _day_sql(layout, snapshot) or "NULL::DATE")
    notes = number_offers(connection, out)
    taken = {"churned", "converted_offer_id", "created_at", *layout.offers}
    hidden = [name for name in connection.table(CUSTOMERS).columns if name in taken or name.lower() in taken]
    others = f"EXCLUDE ({', '.join(map(quoted, hidden))})" if hidden else ""
    connection.execute(
        f"""CREATE TABLE customer_offer_history AS
        SELECT customers.* {others}, offer_id AS converted_offer_id, day AS created_at
        FROM {CUSTOMERS} AS customers JOIN {TAKEN} USING (customer_id) LEFT JOIN {OFFER_IDS} USING (offer)"""  # noqa: S608
    )
    written, dated = connection.execute("SELECT count(*), count(created_at) FROM customer_offer_history").fetchall()[0]
    (read,) = connection.execute(f"SELECT count(*) FROM {TAKEN}").fetchall()[0]  # noqa: S608
    if not dated:
        connection.execute("ALTER TABLE customer_offer_history DROP created_at")
    if read > written:
        notes.append(f"{read - written:,} offers are of customers who are not in the file, and are left out.")
    return notes


def _write_treatment_history(
    connection: duckdb.DuckDBPyConnection, layout: Layout, control: Sequence[str], snapshot: date | None
) -> str:
    treatment, outcome = layout.treatment or "", layout.outcomes[0]
    treated = treated_sql(connection, CUSTOMERS, treatment, control)
    taken = {"churned", "treated", "outcome", "treated_at", treatment, *layout.outcomes}
    hidden = [name for name in connection.table(CUSTOMERS).columns if name in taken or name.lower() in taken]
    day = _day_sql(layout, snapshot)
    return write_treatment_history(connection, CUSTOMERS, treated, outcome_sql(outcome), hidden, day)


def _day_sql(layout: Layout, snapshot: date | None) -> str:
    """SQL of the day that a customer's row is from; empty where it is not known."""
    given = f"DATE '{snapshot}'" if snapshot else "NULL::DATE"
    if layout.date_name:
        return f"coalesce({quoted(layout.date_name)}::DATE, {given})"
    return given if snapshot else ""
