"""The models' five standard features, computed from purchases by the warehouse itself."""

from datetime import date


def behaviour_features(as_of: date, transactions: str = "transactions") -> str:
    """SQL (DuckDB) for each customer's features as they were known at the start of `as_of`.

    One row per customer with a purchase before `as_of`; later purchases are not read. `transactions` names
    a table or view with customer_id, transaction_at (TIMESTAMP) and amount, one row per basket. Money is in
    the table's currency, two decimals. lifetime_value is revenue so far plus the revenue of the last
    365 days: the customer's revenue a year from now at the present pace.
    """
    day = f"DATE '{as_of.isoformat()}'"
    return f"""
        SELECT {_measures(day)}
        FROM {_quoted(transactions)}
        WHERE transaction_at < {day}
        GROUP BY customer_id"""  # noqa: S608 (a quoted identifier and a date)


def behaviour_on_days(days: str, transactions: str = "transactions") -> str:
    """SQL for the same features on many days: one row per row of the table `days` (customer_id, day).

    The column `day` comes last. A customer without a purchase before the day has no row.
    """
    return f"""
        SELECT {_measures("day")}, day
        FROM (SELECT DISTINCT customer_id, day FROM {_quoted(days)})
        JOIN {_quoted(transactions)} USING (customer_id)
        WHERE transaction_at < day
        GROUP BY customer_id, day"""  # noqa: S608 (quoted identifiers)


def silences(days: int, transactions: str = "transactions") -> str:
    """SQL: the times of `days` or more without a purchase, as customer_id, starts_on and ends_on, the next purchase.

    A silence starts on the day after a purchase; without a later purchase, ends_on is blank.
    """
    return f"""
        FROM (
            SELECT
                customer_id, transaction_at::DATE + 1 AS starts_on,
                lead(transaction_at::DATE) OVER (PARTITION BY customer_id ORDER BY transaction_at) AS ends_on
            FROM {_quoted(transactions)}
        )
        WHERE ends_on IS NULL OR ends_on >= starts_on + {days:d}"""  # noqa: S608 (a quoted identifier and a number)


def leaving_days(as_of: date, observed_until: date, days: int, silences: str = "silences") -> str:
    """SQL: the first day from `as_of` on with which `days` without a purchase begin, as customer_id and left_at.

    Customers without such a day until `observed_until` have no row. `silences` names a table of `silences(days)`.
    """
    start = f"greatest(starts_on, DATE '{as_of.isoformat()}')"
    return f"""
        SELECT customer_id, min({start}) AS left_at
        FROM {_quoted(silences)}
        WHERE {start} <= DATE '{observed_until.isoformat()}' AND (ends_on IS NULL OR ends_on >= {start} + {days:d})
        GROUP BY customer_id"""  # noqa: S608 (a quoted identifier, dates and a number)


def _measures(day: str) -> str:
    return f"""
            customer_id,
            round(sum(amount), 2)::DOUBLE AS total_revenue,
            count(*) AS transaction_count,
            date_diff('day', max(transaction_at)::DATE, {day}) AS days_since_last_transaction,
            round(avg(amount), 2)::DOUBLE AS avg_transaction_value,
            round(
                sum(amount) + coalesce(sum(amount) FILTER (transaction_at >= {day} - INTERVAL 365 DAY), 0), 2
            )::DOUBLE AS lifetime_value,
            min(transaction_at) AS first_transaction_at,
            max(transaction_at) AS last_transaction_at"""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
