"""Rules beside the same conditions in SQL, written by hand from what docs/rules.md says."""

from __future__ import annotations

from typing import Any

Rules = dict[str, tuple[Any, str]]

RULES: Rules = {
    "everyone": ({}, "true"),
    "one number": ({">": [{"var": "total_revenue"}, 1000]}, "total_revenue > 1000"),
    "not in Oslo, blanks included": ({"!=": [{"var": "city"}, "Oslo"]}, "city IS DISTINCT FROM 'Oslo'"),
    "a blank is not at most 30": ({"<=": [{"var": "age"}, 30]}, "age IS NOT NULL AND age <= 30"),
    "blank": ({"==": [{"var": "last_login_days_ago"}, None]}, "last_login_days_ago IS NULL"),
    "all of three": (
        {
            "and": [
                {">=": [{"var": "points_balance"}, 100]},
                {"in": [{"var": "customer_tier"}, ["Gold", "Platinum"]]},
                {"==": [{"var": "email_verified"}, True]},
            ]
        },
        "points_balance >= 100 AND customer_tier IN ('Gold', 'Platinum') AND email_verified",
    ),
    "any of two": (
        {"or": [{"<": [{"var": "transaction_count"}, 2]}, {"==": [{"var": "gender"}, "other"]}]},
        "transaction_count < 2 OR coalesce(gender = 'other', false)",
    ),
    "none of two": (
        {"!": {"or": [{"==": [{"var": "country"}, "Norway"]}, {">": [{"var": "age"}, 50]}]}},
        "country IS DISTINCT FROM 'Norway' AND (age IS NULL OR age <= 50)",
    ),
    "nested": (
        {
            "and": [
                {"or": [{"==": [{"var": "country"}, "Norway"]}, {"==": [{"var": "country"}, "Sweden"]}]},
                {"!": {"and": [{">": [{"var": "churn_score"}, 0.3]}, {"<": [{"var": "age"}, 40]}]}},
                {"or": [{"!=": [{"var": "preferred_channel"}, "sms"]}, {"==": [{"var": "phone_verified"}, False]}]},
            ]
        },
        "country IN ('Norway', 'Sweden') AND (churn_score IS NULL OR churn_score <= 0.3 OR age IS NULL OR age >= 40) "
        "AND (preferred_channel IS DISTINCT FROM 'sms' OR NOT phone_verified)",
    ),
    "a range of days": (
        {"<=": ["2025-01-01", {"var": "signup_date"}, "2025-06-30"]},
        "signup_date BETWEEN DATE '2025-01-01' AND DATE '2025-06-30'",
    ),
    "part of a text": ({"in": ["ø", {"var": "full_name"}]}, "contains(full_name, 'ø')"),
    "two columns": (
        {">": [{"var": "lifetime_value"}, {"*": [{"var": "total_revenue"}, 1.9]}]},
        "lifetime_value > total_revenue * 1.9",
    ),
    "a prediction": ({">=": [{"var": "churn_probability"}, 0.5]}, "churn_probability >= 0.5"),
    "predictions and features": (
        {
            "and": [
                {"==": [{"var": "churn_risk"}, "high"]},
                {"in": [{"var": "recommended_offer"}, [1, 2, 3]]},
                {">": [{"var": "total_revenue"}, 200]},
            ]
        },
        "churn_risk = 'high' AND recommended_offer IN (1, 2, 3) AND total_revenue > 200",
    ),
    "RFM": (
        {"or": [{"==": [{"var": "rfm_segment"}, "Champions"]}, {"<": [{"var": "recency"}, 2]}]},
        "coalesce(rfm_segment = 'Champions', false) OR coalesce(recency < 2, false)",
    ),
}
