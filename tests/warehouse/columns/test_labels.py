"""Names of columns as people read them."""

import pytest

from loyalty_core.warehouse.columns import group_of, label_of, unit_of


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("total_revenue", "Total revenue"),
        ("avg_transaction_value", "Average transaction value"),
        ("last_login_days_ago", "Days since last login"),
        ("last_purchase_days_ago", "Days since last purchase"),
        ("customerID", "Customer ID"),
        ("MonthlyCharges", "Monthly charges"),
        ("HTTPStatus", "Http status"),
        ("SeniorCitizen", "Senior citizen"),
        ("rfm-score", "RFM score"),
        ("blåbær_antall", "Blåbær antall"),
        ("x", "X"),
        ("__", "__"),
    ],
)
def test_labels_are_words(name: str, label: str):
    assert label_of(name) == label


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("total_revenue", "Financial"),
        ("TRANSACTION_COUNT", "Activity"),
        ("customer_tier", "Profile"),
        ("churn_score", "Risk & Engagement"),
        ("signup_date", "DWH Columns"),
    ],
)
def test_groups_are_those_of_the_rule_builder(name: str, group: str):
    assert group_of(name) == group


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("customer_id", "id"),
        ("total_revenue", "money"),
        ("MonthlyCharges", "money"),
        ("revenue_last_month", "money"),
        ("HourSpendOnApp", "time"),
        ("OrderAmountHikeFromLastYear", ""),
        ("months_since_last_order", "time"),
        ("revenue_segment", ""),
        ("last_purchase_days_ago", "days"),
        ("tenure_days", "days"),
        ("orders_within_90_days", ""),
        ("visits_last_12_months", ""),
        ("spend_30_days", "money"),
        ("open_rate_7_days", "share"),
        ("churn_within_30_days", "share"),
        ("age", "years"),
        ("average", ""),
        ("churn_score", "share"),
        ("campaign_engagement_rate", "share"),
        ("transaction_count", ""),
        ("last_basket_price_rise_pct", ""),
    ],
)
def test_units_follow_from_names(name: str, unit: str):
    assert unit_of(name) == unit
