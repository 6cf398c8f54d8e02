"""What purchases say about each customer: today for the features view, and in the past for the churn model."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import duckdb

from loyalty_core.loading.behaviour import behaviour_features, behaviour_on_days, leaving_days, silences
from loyalty_core.loading.offers import OFFER_IDS, TAKEN
from loyalty_core.loading.source_file import listed, quoted
from loyalty_core.warehouse.history import HORIZON_DAYS

LINES = "purchase_lines"
SAME_FOR = 0.99  # of the customers seen on two days or more: a column that is the same on all their lines
MAX_SNAPSHOTS = 24
# The model of the time of churn needs customers who were followed for so long.
_LONGEST_HORIZON = HORIZON_DAYS[-1]

# The columns of the features view and of the churn history, with what they mean.
MEANINGS = {
    "customer_id": "Identifier of the customer, as in the file",
    "total_revenue": "Sum of the purchases so far",
    "transaction_count": "Number of purchases so far",
    "days_since_last_transaction": "Days since the last purchase",
    "last_purchase_days_ago": "The same as days_since_last_transaction",
    "avg_transaction_value": "Mean purchase",
    "lifetime_value": "Revenue so far plus the revenue of the last 365 days",
    "first_purchase_date": "Day of the first purchase",
    "tenure_days": "Days since the first purchase",
    "customer_status": "By days since the last purchase: active up to {0}, at_risk up to {1}, then inactive",
}


def write_customer_features(
    connection: duckdb.DuckDBPyConnection, as_of: date, churn_days: int, others: Mapping[str, str]
) -> list[str]:
    """Write `customer_features_view` over a table: the purchases before `as_of`, and columns of the customer.

    `others` are further text columns of the lines (name there → name in the file); those that are the same on
    every line of a customer, such as a country, become columns of the view. Returns a sentence on them.
    """
    attributes = {
        alias: name
        for alias, name in others.items()
        if name.lower() not in MEANINGS and _belongs_to_customers(connection, alias)
    }
    latest = [f"arg_max({alias}, transaction_at) AS {quoted(name)}" for alias, name in attributes.items()]
    connection.execute(
        f"""CREATE TABLE customer_features AS
        FROM ({_features(as_of, churn_days)})
        JOIN (
            SELECT {", ".join(["customer_id", *latest])} FROM {LINES}
            WHERE excluded_because IS NULL GROUP BY customer_id
        ) USING (customer_id)
        ORDER BY customer_id"""  # noqa: S608 (quoted identifiers)
    )
    connection.execute("CREATE VIEW customer_features_view AS FROM customer_features")
    for name, meaning in MEANINGS.items():
        text = meaning.format(churn_days, 2 * churn_days)
        connection.execute(f"COMMENT ON COLUMN customer_features_view.{name} IS '{text}'")
    return [f"Columns added for each customer: {listed(attributes.values())}."] if attributes else []


def write_churn_history(connection: duckdb.DuckDBPyConnection, as_of: date, churn_days: int) -> str:
    """Write `customer_churn_history` when the log is long enough; returns a sentence on it.

    One row per customer and month start: the features from purchases before that day, and `churned` = 1 when
    none followed in the `churn_days` from that day on. Columns of the customer are not in it, since the log
    does not say what they were at the time. Where the log is long enough to tell how soon customers leave, `left_at`
    is the first day of `churn_days` without a purchase, which is known until `observed_until`.
    """
    (first,) = connection.execute("SELECT min(transaction_at)::DATE FROM transactions").fetchall()[0]
    snapshots = snapshot_dates(first, as_of, churn_days)
    if not snapshots:
        return (
            f"No churn history: it needs a month start with {churn_days} days of purchases before it and "
            f"{churn_days} after it; the log covers {(as_of - first).days} days (see --churn-days)."
        )
    observed_until = as_of - timedelta(days=churn_days)
    says_when = snapshots[0] + timedelta(days=_LONGEST_HORIZON) <= observed_until
    connection.execute(f"CREATE TEMP TABLE silences AS {silences(churn_days)}")
    each = " UNION ALL ".join(_snapshot(day, churn_days, observed_until) for day in snapshots)
    dates = "" if says_when else "SELECT * EXCLUDE (left_at, observed_until) "
    connection.execute(f"CREATE TABLE customer_churn_history AS {dates}FROM ({each})")
    connection.execute("DROP TABLE silences")
    return (
        f"Churn history: {len(snapshots)} month starts from {snapshots[0]} to {snapshots[-1]}; "
        f"churned means no purchase in the {churn_days} days from then on."
    )


def write_offer_history(connection: duckdb.DuckDBPyConnection, as_of: date) -> list[str]:
    """Write `customer_offer_history`: each offer with the features from the purchases before its day; returns notes.

    An offer without a day has the features at the start of `as_of`.
    """
    (read, undated) = connection.execute(
        f"SELECT count(*), count(*) FILTER (day IS NULL) FROM {TAKEN}"  # noqa: S608
    ).fetchall()[0]
    connection.execute(f"UPDATE {TAKEN} SET day = DATE '{as_of}' WHERE day IS NULL")  # noqa: S608
    connection.execute(
        f"""CREATE TABLE customer_offer_history AS
        SELECT features.* EXCLUDE (first_transaction_at, last_transaction_at, day),
            days_since_last_transaction AS last_purchase_days_ago,
            offer_id AS converted_offer_id, day AS created_at
        FROM ({behaviour_on_days(TAKEN)}) AS features
        JOIN {TAKEN} USING (customer_id, day) LEFT JOIN {OFFER_IDS} USING (offer)"""  # noqa: S608
    )
    (written,) = connection.execute("SELECT count(*) FROM customer_offer_history").fetchall()[0]
    notes: list[str] = []
    if read > written:
        notes.append(f"{read - written:,} offers are left out: their customers bought nothing before them.")
    if undated:
        notes.append(
            f"{undated:,} offers have no day, so they are learned from all purchases, also those that followed."
        )
    return notes


def snapshot_dates(first: date, as_of: date, churn_days: int) -> Sequence[date]:
    """The latest month starts with `churn_days` of the log before them and as many after them, oldest first."""
    window = timedelta(days=churn_days)
    starts = [date(year, month, 1) for year in range(first.year, as_of.year + 1) for month in range(1, 13)]
    return [day for day in starts if first + window <= day <= as_of - window][-MAX_SNAPSHOTS:]


def _belongs_to_customers(connection: duckdb.DuckDBPyConnection, column: str) -> bool:
    """Whether a text column of the lines says something of the customer, and not the same of all of them."""
    same, seen, differing = connection.execute(
        f"""SELECT count(*) FILTER (low = high), count(low), min(low) <> max(high)
        FROM (
            SELECT min({column}) AS low, max({column}) AS high FROM {LINES}
            WHERE excluded_because IS NULL
            GROUP BY customer_id HAVING count(DISTINCT transaction_at::DATE) > 1
        )"""  # noqa: S608 (an internal name)
    ).fetchall()[0]
    return seen > 0 and same >= seen * SAME_FOR and differing


def _features(as_of: date, churn_days: int) -> str:
    """SQL: the columns of MEANINGS, in their order, from the purchases before `as_of`."""
    day = f"DATE '{as_of}'"
    return f"""
        SELECT
            customer_id, total_revenue, transaction_count, days_since_last_transaction,
            days_since_last_transaction AS last_purchase_days_ago,
            avg_transaction_value, lifetime_value,
            first_transaction_at::DATE AS first_purchase_date,
            date_diff('day', first_transaction_at::DATE, {day}) AS tenure_days,
            CASE
                WHEN days_since_last_transaction <= {churn_days} THEN 'active'
                WHEN days_since_last_transaction <= {2 * churn_days} THEN 'at_risk'
                ELSE 'inactive' END AS customer_status
        FROM ({behaviour_features(as_of)})"""  # noqa: S608 (dates and numbers)


def _snapshot(day: date, churn_days: int, observed_until: date) -> str:
    window_end = day + timedelta(days=churn_days)
    return f"""
        SELECT
            features.*, left_at, DATE '{observed_until}' AS observed_until,
            (later.customer_id IS NULL)::INTEGER AS churned, DATE '{day}' AS snapshot_date
        FROM ({_features(day, churn_days)}) AS features
        LEFT JOIN (
            SELECT DISTINCT customer_id FROM transactions
            WHERE transaction_at >= DATE '{day}' AND transaction_at < DATE '{window_end}'
        ) AS later USING (customer_id)
        LEFT JOIN ({leaving_days(day, observed_until, churn_days)}) AS leaving USING (customer_id)"""  # noqa: S608 (dates)
