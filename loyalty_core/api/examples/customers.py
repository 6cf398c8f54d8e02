"""Examples of customers and columns."""

from loyalty_core.api.examples.example import ACTIVE_VERSION, CUSTOMER, MANY, NOW, ONE, Example
from loyalty_core.api.examples.predictions import CHURN, NBO, RFM

FEATURES = {
    "customer_id": CUSTOMER,
    "full_name": "Ann Example",
    "signup_date": "2024-05-16",
    "total_revenue": 2170.05,
    "transaction_count": 60,
    "last_purchase_days_ago": 10,
    "country": "Denmark",
    "age": None,
}
_FOUND = {"total": 1, "customers": [FEATURES]}
COLUMN = {
    "name": "country",
    "kind": "text",
    "group": "Profile",
    "label": "Country",
    "description": "Country of residence",
    "blanks": 0.02,
    "out_of_range": 0,
    "minimum": None,
    "maximum": None,
    "top_values": [["Denmark", 7_120], ["Norway", 6_480]],
    "is_masked": False,
    "different": None,
}
_CUSTOMER = {
    "customer_id": CUSTOMER,
    "features": FEATURES,
    "predictions": {"churn": CHURN, "nbo": NBO, "rfm": RFM},
    "advice": {
        "contact": True,
        "reason": "contact_helps",
        "sentence": "Contact makes a conversion more likely.",
        "actions": CHURN["recommendations"],
    },
    "drivers": {
        "churn": {
            "base": 0.29,
            "prediction": 0.75,
            "features": [
                {
                    "feature": "days_since_last",
                    "label": "Days since the last purchase",
                    "value": None,
                    "contribution": 46.0,
                    "filled_with": 31.0,
                }
            ],
        }
    },
    "unavailable": {},
    "blanks": ["days_since_last"],
    "model_version": ACTIVE_VERSION,
    "is_mock": False,
    "segments": [{"segment_id": "vip", "name": "VIP", "joined_at": NOW}],
}

EXAMPLES = {
    "read_columns": Example({"customers": 20_000, "columns": [COLUMN], "unreadable": []}),
    "search_customers": Example(_FOUND, parameters={"q": "123e45", "limit": 20}),
    "search_customers_by_body": Example(_FOUND, {"q": "123e45", "limit": 20}),
    "read_warehouse_customer": Example(FEATURES, parameters=ONE),
    "read_features": Example(FEATURES, parameters=ONE),
    "read_features_of_many": Example({CUSTOMER: FEATURES}, MANY),
    "invalidate_cache": Example({"status": "ok", "invalidated": 1}, MANY),
    "list_customers": Example(
        {"customers": [FEATURES], "next_cursor": "CsFFS6ixmHeBpWFmdGVy2SQw"}, parameters={"limit": 1}
    ),
    "read_customer": Example(_CUSTOMER, parameters=ONE),
}
