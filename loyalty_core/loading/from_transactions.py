"""A log of purchases (CSV or Parquet) as a warehouse: transactions, customer features and churn history."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from loyalty_core.errors import DataError
from loyalty_core.loading.blanks import literal
from loyalty_core.loading.column_types import date_column, number_column
from loyalty_core.loading.file_format import FileFormat
from loyalty_core.loading.identifiers import identifier
from loyalty_core.loading.number_marks import decide_marks
from loyalty_core.loading.offers import NO_OFFER, TAKEN, number_offers
from loyalty_core.loading.offers_file import OffersFile, read_offers
from loyalty_core.loading.purchase_history import (
    LINES,
    write_churn_history,
    write_customer_features,
    write_offer_history,
)
from loyalty_core.loading.purchase_questions import PurchaseColumns, complete
from loyalty_core.loading.report import LoadReport
from loyalty_core.loading.source_file import SOURCE_ROWS, SourceRows, is_text, open_load
from loyalty_core.loading.warehouse_file import record_source

READ_LINES = "read_lines"
DEFAULT_CHURN_DAYS = 90
TIME_ZONES_AHEAD = timedelta(days=1)  # local times may be ahead of UTC
NO_PLACEHOLDER = datetime(1971, 1, 1)  # noqa: DTZ001 (UTC, as in the warehouse)
LONGEST_GAP_MONTHS = 36
FEW = 0.02  # of the lines: so few, years before all others, have a placeholder such as 2000-01-01 or a typing error

# Why a line is no purchase, as SQL; the first reason that applies counts.
REASONS = {
    "without a customer": "customer_id IS NULL",
    "with a date that is blank or cannot be read": "transaction_at IS NULL",
    "with a placeholder as date (before 1971, in the year 9999 or years before all others)": (
        "transaction_at < TIMESTAMP '{earliest}' OR transaction_at >= TIMESTAMP '9999-01-01'"
    ),
    "dated in the future": "transaction_at > TIMESTAMP '{latest}'",
    "with an amount that is blank or cannot be read": "amount IS NULL",
    "cancelled or returned (amount or quantity below zero)": "least(amount, lowest_factor) < 0",
    "with a zero price or quantity": "amount = 0",
}


def load_transactions(
    file: Path,
    out: Path,
    columns: PurchaseColumns,
    *,
    offers: OffersFile | None = None,
    churn_days: int = DEFAULT_CHURN_DAYS,
    written: FileFormat | None = None,
    overwrite: bool = False,
    on_phase: Callable[[str], object] = lambda _: None,
) -> LoadReport:
    """Write the purchases in `file` to the warehouse `out`.

    Writes `transactions`, `customer_features_view` as of the day after the last purchase, and
    `customer_churn_history` where the log is long enough; with an offer column or the file `offers` also
    `customer_offer_history` and `offers`. Lines that are no purchase (see REASONS) are left out and counted. `on_phase`
    is called with what is done next. Raises DataError when the file cannot be used, SettingsError for `out`.
    """
    written = written or FileFormat()
    opened = open_load(
        file, out, written, overwrite=overwrite, first=lambda connection: read_offers(connection, offers)
    )
    with opened as (connection, rows):
        on_phase("Recognising columns")
        columns = complete(connection, rows, columns)
        others = _read_lines(connection, rows, columns)
        excluded = _count_excluded(connection)
        on_phase("Writing purchases")
        loaded = _write_transactions(connection, file, excluded)
        as_of = _day_after_last(connection)
        on_phase("Computing customers from their purchases")
        notes = [
            *rows.notes,
            *write_customer_features(connection, as_of, churn_days, others),
            write_churn_history(connection, as_of, churn_days),
        ]
        if offers or columns.offer:
            _take_from_lines(connection, columns)
            notes += [*number_offers(connection, out), *write_offer_history(connection, as_of)]
        report = LoadReport(file.name, rows.row_count, loaded, excluded, notes)
        record_source(connection, "transactions file", snapshot_date=as_of, **report.facts())
    return report


def _read_lines(connection: duckdb.DuckDBPyConnection, rows: SourceRows, columns: PurchaseColumns) -> dict[str, str]:
    """Fill the temporary table of lines; returns its further text columns: name there → name in the file."""
    customer = rows.find(columns.customer or "", "--customer")
    day = rows.find(columns.date or "", "--date")
    factors = _factors(rows, columns.amount or "")
    offer = rows.find(columns.offer, "--offer") if columns.offer else None
    basket = rows.find(columns.transaction, "--transaction") if columns.transaction else None
    quantity = rows.find(columns.quantity, "--quantity") if columns.quantity else None
    free = [name for name, kind in rows.types.items() if name not in (customer, day, basket, offer) and is_text(kind)]
    marks = decide_marks(connection, rows, free)
    amounts = [number_column(connection, rows, name, marks) for name in dict.fromkeys((*factors, quantity)) if name]
    rows.notes += [*marks.notes, *(column.note for column in amounts if column.note)]
    numbers = {column.name: column.sql for column in amounts}
    others = {f"other_{number}": name for number, name in enumerate(name for name in free if name not in numbers)}
    selected = [
        f"{identifier(connection, rows, customer)} AS customer_id",
        f"{date_column(connection, rows, day).sql} AS transaction_at",
        f"{identifier(connection, rows, basket) if basket else 'NULL::VARCHAR'} AS basket",
        f"{' * '.join(f'({numbers[name]})' for name in factors)} AS amount",
        f"least({', '.join(numbers.values())}) AS lowest_factor",
        f"{numbers[quantity] if quantity else '1'} AS items",
        f"{rows.value_of(offer) if offer else 'NULL::VARCHAR'} AS offer",
        "rowid + 1 AS line",
        *(f"{rows.words_of(name)} AS {alias}" for alias, name in others.items()),
    ]
    connection.execute(f"CREATE TEMP TABLE {READ_LINES} AS SELECT {', '.join(selected)} FROM {SOURCE_ROWS}")  # noqa: S608
    latest = datetime.now(UTC).replace(tzinfo=None) + TIME_ZONES_AHEAD
    limits = {"latest": latest, "earliest": _earliest(connection, latest)}
    reasons = " ".join(f"WHEN {condition.format(**limits)} THEN '{reason}'" for reason, condition in REASONS.items())
    connection.execute(
        f"CREATE TEMP VIEW {LINES} AS SELECT *, CASE {reasons} END AS excluded_because FROM {READ_LINES}"  # noqa: S608
    )
    return others


def _earliest(connection: duckdb.DuckDBPyConnection, latest: datetime) -> datetime:
    """The first date that is believed: after 1970, and not cut off from nearly all others by a gap of years."""
    (first,) = connection.execute(
        f"""WITH months AS (
            SELECT date_trunc('month', transaction_at) AS month, count(*) AS lines FROM {READ_LINES}
            WHERE transaction_at BETWEEN $first AND $latest GROUP BY month
        ), gaps AS (
            SELECT month, date_diff('month', lag(month) OVER by_month, month) AS gap,
                sum(lines) OVER by_month - lines AS earlier, sum(lines) OVER () AS total
            FROM months WINDOW by_month AS (ORDER BY month)
        )
        SELECT max(month) FROM gaps WHERE gap > {LONGEST_GAP_MONTHS} AND earlier <= total * {FEW}""",  # noqa: S608
        {"first": NO_PLACEHOLDER, "latest": latest},
    ).fetchall()[0]
    return first or NO_PLACEHOLDER


def _factors(rows: SourceRows, amount: str) -> list[str]:
    """The columns that make the amount: one, or the two around a `*` (which may be in a name as well)."""
    if rows.has(amount) or "*" not in amount:
        return [rows.find(amount, "--amount")]
    parts = amount.split("*")
    splits = [("*".join(parts[:at]), "*".join(parts[at:])) for at in range(1, len(parts))]
    known = next((pair for pair in splits if all(map(rows.has, pair))), splits[0])
    return [rows.find(name, "--amount") for name in known]


def _count_excluded(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Lines left out, by reason, in the order of REASONS."""
    counts = dict(
        connection.execute(
            f"SELECT excluded_because, count(*) FROM {LINES} GROUP BY excluded_because"  # noqa: S608
        ).fetchall()
    )
    return {reason: counts[reason] for reason in REASONS if reason in counts}


def _write_transactions(connection: duckdb.DuckDBPyConnection, file: Path, excluded: dict[str, int]) -> str:
    """Write `transactions`, one row per basket; returns what they amount to, as a text."""
    connection.execute(f"""CREATE TABLE transactions AS
        SELECT
            coalesce(basket, 'line ' || line) AS transaction_id,
            customer_id,
            min(transaction_at) AS transaction_at,
            round(sum(amount), 4) AS amount,
            sum(items)::DOUBLE AS items
        FROM {LINES} WHERE excluded_because IS NULL
        GROUP BY transaction_id, customer_id
        ORDER BY min(transaction_at), transaction_id""")  # noqa: S608
    lines, baskets, customers, revenue, first, last = connection.execute(
        f"""SELECT
            (SELECT count(*) FROM {LINES} WHERE excluded_because IS NULL),
            count(*), count(DISTINCT customer_id), sum(amount),
            min(transaction_at)::DATE, max(transaction_at)::DATE
        FROM transactions"""  # noqa: S608
    ).fetchall()[0]
    if not lines:
        reasons = "; ".join(f"{count:,} {reason}" for reason, count in excluded.items())
        raise DataError(
            f"{file.name} has no purchase in it.",
            f"All its lines were left out: {reasons}.",
            "Check that the options name the right columns.",
        )
    return (
        f"{lines:,} lines, {baskets:,} transactions of {customers:,} customers, "
        f"revenue {revenue:,.2f}, {first} to {last}"
    )


def _take_from_lines(connection: duckdb.DuckDBPyConnection, columns: PurchaseColumns) -> None:
    """Add the offers used for purchases to `offers_taken`. A purchase without one does not say that any was offered."""
    if columns.offer is None:
        return
    connection.execute(
        f"""INSERT INTO {TAKEN} SELECT DISTINCT customer_id, offer, transaction_at::DATE FROM {LINES}
        WHERE excluded_because IS NULL AND lower(offer) NOT IN ({", ".join(map(literal, NO_OFFER))})"""  # noqa: S608
    )


def _day_after_last(connection: duckdb.DuckDBPyConnection) -> date:
    (last,) = connection.execute("SELECT max(transaction_at)::DATE FROM transactions").fetchall()[0]
    return last + timedelta(days=1)
