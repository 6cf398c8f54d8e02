"""The two history tables for training: features as of a date, and the outcome that followed."""

from collections.abc import Sequence
from datetime import date

import duckdb

from loyalty_core.demo.features_view import tier_sql
from loyalty_core.demo.timeline import CHURN_DAYS
from loyalty_core.loading import behaviour_features

TABLES = """
    CREATE TABLE customer_churn_history (
        customer_id VARCHAR, total_revenue DOUBLE, transaction_count BIGINT,
        days_since_last_transaction BIGINT, avg_transaction_value DOUBLE, lifetime_value DOUBLE,
        customer_tier VARCHAR, tenure_days BIGINT, churned INTEGER, snapshot_date DATE
    );
    CREATE TABLE customer_offer_history (
        customer_id VARCHAR, total_revenue DOUBLE, transaction_count BIGINT,
        days_since_last_transaction BIGINT, avg_transaction_value DOUBLE, lifetime_value DOUBLE,
        customer_tier VARCHAR, tenure_days BIGINT, converted_offer_id INTEGER, created_at DATE
    );
    COMMENT ON TABLE customer_churn_history IS
        'Members who had bought by the snapshot date, with their features at that date';
    COMMENT ON COLUMN customer_churn_history.churned IS
        '1 when nothing was bought in the 90 days from the snapshot date on, else 0';
    COMMENT ON TABLE customer_offer_history IS
        'Mailings, with the features of the member on the day they were sent and the offer redeemed';
    COMMENT ON COLUMN customer_offer_history.converted_offer_id IS 'The offer redeemed, 1 to 8; blank when none was';
    COMMENT ON COLUMN customer_offer_history.created_at IS 'Day the mailing was sent';
"""
# Only the members in history_customers, so that every later step reads few rows.
SELECTED = """
    CREATE TEMP TABLE history_transactions AS
        SELECT customer_id, transaction_at, amount FROM transactions SEMI JOIN history_customers USING (customer_id);
    CREATE TEMP TABLE history_mailings AS
        SELECT customer_id, sent_at::DATE AS sent_on, offer_id
        FROM offer_responses SEMI JOIN history_customers USING (customer_id);
"""


def create_history(
    connection: duckdb.DuckDBPyConnection, churn_dates: Sequence[date], mailing_dates: Sequence[date]
) -> None:
    """Fill both tables for the members listed in the temporary table history_customers(customer_id)."""
    connection.execute(TABLES)
    connection.execute(SELECTED)
    for day in churn_dates:
        connection.execute(_churn_sql(day))
    for day in mailing_dates:
        connection.execute(_offer_sql(day))


def _churn_sql(day: date) -> str:
    at = f"DATE '{day.isoformat()}'"
    return f"""
        INSERT INTO customer_churn_history
        SELECT
            {_features(day)},
            CASE WHEN customer_id IN (
                SELECT customer_id FROM history_transactions
                WHERE transaction_at >= {at} AND transaction_at < {at} + INTERVAL {CHURN_DAYS} DAY
            ) THEN 0 ELSE 1 END,
            {at}
        FROM ({behaviour_features(day, "history_transactions")}) JOIN customers USING (customer_id)"""  # noqa: S608


def _offer_sql(day: date) -> str:
    return f"""
        INSERT INTO customer_offer_history
        SELECT {_features(day)}, offer_id, sent_on
        FROM ({behaviour_features(day, "history_transactions")})
        JOIN history_mailings USING (customer_id)
        JOIN customers USING (customer_id)
        WHERE sent_on = DATE '{day.isoformat()}'"""  # noqa: S608


def _features(day: date) -> str:
    return f"""customer_id, total_revenue, transaction_count, days_since_last_transaction,
            avg_transaction_value, lifetime_value,
            {tier_sql("round(lifetime_value - total_revenue, 2)")},
            date_diff('day', signup_date, DATE '{day.isoformat()}')"""
