"""customer_features_view: one row per member, as of the snapshot."""

from datetime import date

import duckdb

from loyalty_core.demo.signals import COLUMNS as SIGNALS
from loyalty_core.loading import behaviour_features

# Column → description, in the order of the view.
COLUMNS = {
    "customer_id": "Identifier of the member",
    "full_name": "First and last name",
    "email": "E-mail address; blank when not given",
    "signup_date": "Day the member joined the programme",
    "tenure_days": "Days since joining",
    "total_revenue": "Revenue so far, in euros",
    "lifetime_value": "Revenue so far plus the revenue of the last 365 days: the value a year from now at this pace",
    "avg_transaction_value": "Mean basket, in euros; blank for members who never bought",
    "points_balance": "Points earned minus points redeemed",
    "transaction_count": "Number of baskets so far",
    "days_since_last_transaction": "Days since the last purchase; blank for members who never bought",
    "last_purchase_days_ago": "The same as days_since_last_transaction",
    "last_login_days_ago": "Days since the last login; blank for members without an online account",
    "active_products_count": "Product categories bought in the last 365 days",
    "preferred_category": "Product category bought most often",
    "customer_tier": "Tier by revenue of the last 365 days: Bronze, Silver from 300, Gold from 700, Platinum from 1500",
    "customer_status": "active until 60 days after a purchase, at_risk until 180, then inactive; new: never bought",
    "segment": "Marketing segment by the old rules: Newcomer, VIP, Regular, Occasional, Lapsed, Prospect",
    "city": "Town of residence",
    "region": "Region of residence",
    "country": "Country of residence",
    "age": "Age in years; blank when the birth date is not known",
    "gender": "female, male or other; blank when not given",
    "preferred_channel": "How the member wants to be contacted: email, push or sms",
    "marketing_consent": "Whether the member agreed to receive offers",
    "email_verified": "Whether the e-mail address was confirmed",
    "phone_verified": "Whether the phone number was confirmed",
    "campaign_engagement_rate": "Share of the last year's mailings that were opened, 0 to 1; blank when none was sent",
    **SIGNALS,
    "churn_score": "Old rule of thumb for risk, 0 to 1, from recency and frequency; not a model's prediction",
}  # fmt: skip


def tier_sql(revenue_of_year: str) -> str:
    """SQL for the tier, given an expression for the revenue of the last 365 days."""
    return f"""CASE
        WHEN {revenue_of_year} >= 1500 THEN 'Platinum'
        WHEN {revenue_of_year} >= 700 THEN 'Gold'
        WHEN {revenue_of_year} >= 300 THEN 'Silver'
        ELSE 'Bronze' END"""


def create_features_view(connection: duckdb.DuckDBPyConnection, snapshot: date) -> None:
    """Compute every member's features once, store them in customer_features, and create the view over it."""
    connection.execute(f"CREATE TABLE customer_features AS {_features_sql(snapshot)}")
    names = ", ".join(COLUMNS)
    connection.execute(f"CREATE VIEW customer_features_view AS SELECT {names} FROM customer_features")  # noqa: S608
    connection.execute("COMMENT ON VIEW customer_features_view IS 'Members with their features, one row each'")
    for name, meaning in COLUMNS.items():
        text = meaning.replace("'", "''")
        connection.execute(f"COMMENT ON COLUMN customer_features_view.{name} IS '{text}'")


def _features_sql(snapshot: date) -> str:
    today = f"DATE '{snapshot.isoformat()}'"
    return f"""
        WITH behaviour AS ({behaviour_features(snapshot)}),
        by_category AS (
            SELECT
                customer_id, category, count(*) AS baskets,
                count(*) FILTER (transaction_at >= {today} - INTERVAL 365 DAY) AS recent_baskets,
                sum(points_earned - points_redeemed) AS points
            FROM transactions GROUP BY customer_id, category
        ),
        shopping AS (
            SELECT
                customer_id,
                sum(points)::BIGINT AS points_balance,
                count(*) FILTER (recent_baskets > 0) AS active_products_count,
                sum(recent_baskets)::BIGINT AS recent_baskets,
                max({{'baskets': baskets, 'category': category}}).category AS preferred_category
            FROM by_category GROUP BY customer_id
        ),
        mailings AS (
            SELECT customer_id, round(count(opened_at) / count(*), 4) AS campaign_engagement_rate
            FROM offer_responses GROUP BY customer_id
        ),
        joined AS (
            SELECT
                *,
                date_diff('day', signup_date, {today}) AS tenure_days,
                coalesce(round(lifetime_value - total_revenue, 2), 0) AS revenue_of_year
            FROM customers
            LEFT JOIN behaviour USING (customer_id)
            LEFT JOIN shopping USING (customer_id)
            LEFT JOIN mailings USING (customer_id)
            JOIN (FROM signals WHERE as_of = {today}) USING (customer_id)
        )
        {_features_of("joined", today)}"""  # noqa: S608 (dates and constants)


def _features_of(joined: str, today: str) -> str:
    """The columns of the view, of members with their behaviour, signals and mailings."""
    return f"""SELECT
            customer_id, full_name, email, signup_date, tenure_days,
            coalesce(total_revenue, 0) AS total_revenue,
            coalesce(lifetime_value, 0) AS lifetime_value,
            avg_transaction_value,
            coalesce(points_balance, 0) AS points_balance,
            coalesce(transaction_count, 0) AS transaction_count,
            days_since_last_transaction,
            days_since_last_transaction AS last_purchase_days_ago,
            date_diff('day', last_login_at::DATE, {today}) AS last_login_days_ago,
            coalesce(active_products_count, 0) AS active_products_count,
            preferred_category,
            {tier_sql("revenue_of_year")} AS customer_tier,
            CASE
                WHEN transaction_count IS NULL THEN 'new'
                WHEN days_since_last_transaction <= 60 THEN 'active'
                WHEN days_since_last_transaction <= 180 THEN 'at_risk'
                ELSE 'inactive' END AS customer_status,
            CASE
                WHEN transaction_count IS NULL THEN 'Prospect'
                WHEN days_since_last_transaction > 180 THEN 'Lapsed'
                WHEN revenue_of_year >= 1000 THEN 'VIP'
                WHEN tenure_days <= 90 THEN 'Newcomer'
                WHEN recent_baskets >= 8 THEN 'Regular'
                ELSE 'Occasional' END AS segment,
            city, region, country,
            date_part('year', age({today}, birth_date))::INTEGER AS age,
            gender, preferred_channel, marketing_consent, email_verified, phone_verified, campaign_engagement_rate,
            {", ".join(SIGNALS)},
            round(0.7 * (1 - exp(-days_since_last_transaction / 120.0)) + 0.3 / (1 + recent_baskets), 4)
                AS churn_score
        FROM {joined}"""  # noqa: S608 (dates and constants)
