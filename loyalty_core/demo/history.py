"""The history tables for training: features as of a date, and the outcome that followed."""

from collections.abc import Sequence
from datetime import date

import duckdb

from loyalty_core.demo.features_view import tier_sql
from loyalty_core.demo.signals import COLUMNS as SIGNALS
from loyalty_core.demo.timeline import CHURN_DAYS
from loyalty_core.loading import behaviour_features

FEATURES = (
    "total_revenue", "transaction_count", "days_since_last_transaction", "avg_transaction_value", "lifetime_value",
    "customer_tier", "tenure_days", *SIGNALS,
)  # fmt: skip
COMMENTS = """
    COMMENT ON TABLE customer_churn_history IS
        'Members who had bought by the snapshot date, with their features at that date';
    COMMENT ON COLUMN customer_churn_history.churned IS
        '1 when nothing was bought in the 90 days from the snapshot date on, else 0';
    COMMENT ON TABLE customer_offer_history IS
        'Mailings, with the features of the member on the day they were sent and the offer redeemed';
    COMMENT ON COLUMN customer_offer_history.converted_offer_id IS 'The offer redeemed, 1 to 8; blank when none was';
    COMMENT ON COLUMN customer_offer_history.created_at IS 'Day the mailing was sent';
    COMMENT ON TABLE customer_treatment_history IS
        'A test of one message: participants with their features on that day, and whether they ordered';
    COMMENT ON COLUMN customer_treatment_history.treated IS
        'Whether the member got the message; drawn at random, else the member was held out';
    COMMENT ON COLUMN customer_treatment_history.channel IS
        'Channel of the message, drawn at random; for members held out the one it would have come through';
    COMMENT ON COLUMN customer_treatment_history.outcome IS 'Whether the member ordered within 30 days';
    COMMENT ON COLUMN customer_treatment_history.spend IS 'Value of the order in euros; 0 without one';
"""


def create_history(
    connection: duckdb.DuckDBPyConnection, churn_dates: Sequence[date], offer_dates: Sequence[date]
) -> None:
    """Create the tables about the members listed in the temporary table history_customers(customer_id)."""
    connection.execute("""
        CREATE TEMP TABLE history_transactions AS
        SELECT customer_id, transaction_at, amount FROM transactions SEMI JOIN history_customers USING (customer_id)""")
    for number, day in enumerate(sorted({*churn_dates, *offer_dates})):
        into = "INSERT INTO history_features" if number else "CREATE TEMP TABLE history_features AS"
        connection.execute(f"{into} {_features_sql(day)}")
    for number, day in enumerate(churn_dates):
        into = "INSERT INTO customer_churn_history" if number else "CREATE TABLE customer_churn_history AS"
        connection.execute(f"{into} {_churn_sql(day)}")
    connection.execute(_offer_sql(offer_dates[0]))
    connection.execute(_treatment_sql())
    connection.execute(COMMENTS)
    connection.execute("DROP TABLE history_features; DROP TABLE history_transactions")


def _features_sql(day: date) -> str:
    at = f"DATE '{day.isoformat()}'"
    return f"""
        SELECT
            customer_id, as_of, total_revenue, transaction_count, days_since_last_transaction,
            avg_transaction_value, lifetime_value,
            {tier_sql("round(lifetime_value - total_revenue, 2)")} AS customer_tier,
            date_diff('day', signup_date, {at}) AS tenure_days,
            {", ".join(SIGNALS)}
        FROM ({behaviour_features(day, "history_transactions")})
        JOIN customers USING (customer_id)
        JOIN (FROM signals WHERE as_of = {at}) USING (customer_id)"""  # noqa: S608 (dates and constants)


def _churn_sql(day: date) -> str:
    at = f"DATE '{day.isoformat()}'"
    return f"""
        SELECT
            customer_id, {", ".join(FEATURES)},
            CASE WHEN customer_id IN (
                SELECT customer_id FROM history_transactions
                WHERE transaction_at >= {at} AND transaction_at < {at} + INTERVAL {CHURN_DAYS} DAY
            ) THEN 0 ELSE 1 END AS churned,
            as_of AS snapshot_date
        FROM history_features WHERE as_of = {at}"""  # noqa: S608 (dates and constants)


def _offer_sql(first: date) -> str:
    return f"""
        CREATE TABLE customer_offer_history AS
        SELECT
            customer_id, {", ".join(FEATURES)},
            offer_id AS converted_offer_id, as_of AS created_at
        FROM history_features
        JOIN (SELECT customer_id, sent_at::DATE AS as_of, offer_id FROM offer_responses)
            USING (customer_id, as_of)
        WHERE as_of >= DATE '{first.isoformat()}'"""  # noqa: S608 (a date and constants)


def _treatment_sql() -> str:
    return f"""
        CREATE TABLE customer_treatment_history AS
        SELECT customer_id, treated_at, treated, channel, {", ".join(FEATURES)}, outcome, spend
        FROM history_features
        JOIN (SELECT *, treated_at::DATE AS as_of FROM treatments) USING (customer_id, as_of)"""  # noqa: S608 (constants)
