"""Examples of the OpenAPI description, by the name of the operation.

A test sends the requests in this order and checks the answers.
"""

from typing import Any

_CUSTOMER = "123e4567-e89b-12d3-a456-426614174000"
_VERSION = "20261122T140000Z-1a2b"
_RULE = {"and": [{">=": [{"var": "total_revenue"}, 1000]}, {"<": [{"var": "last_purchase_days_ago"}, 90]}]}
_ONE, _MANY = {"customer_id": _CUSTOMER}, {"customer_ids": [_CUSTOMER]}

REQUESTS: dict[str, Any] = {
    "predict_nbo": _ONE,
    "predict_churn": _ONE,
    "calculate_rfm": _ONE,
    "predict": _ONE,
    "predict_segment": {"segment_id": "vip", "first": 10},
    "search_customers_by_body": {"q": "123e45", "limit": 20},
    "read_features_of_many": _MANY,
    "invalidate_cache": _MANY,
    "create_segment": {"name": "Big spenders", "rule": _RULE, "description": "Bought lately", "tags": ["value"]},
    "update_segment": {"name": "VIP", "rule": _RULE, "version": 1},
    "change_segment": {"description": "Bought within three months"},
    "evaluate_rule": {"rule": _RULE},
    "preview_rule": {"rule": _RULE},
    "restore_version": {"version": 1},
    "predict_members": {"type": "churn", "limit": 10},
    "start_export": {"segment_id": "vip", "format": "parquet", "columns": ["total_revenue"]},
    "start_training": {"models": ["churn"], "epochs": 50, "seed": 7},
    "test_models": _MANY,
    "start_comparison": {"against": _VERSION},
    "start_experiment": {"challenger": _VERSION, "share": 0.2},
    "grow_experiment": {"share": 0.4},
    "activate_version": {"even_if_worse": False},
}

RESPONSES: dict[str, Any] = {
    "predict_churn": {
        "customer_id": _CUSTOMER,
        "churn_probability": 0.75,
        "churn_risk": "high",
        "recommendations": ["Send retention offer", "Contact customer"],
    },
    "calculate_rfm": {
        "customer_id": _CUSTOMER,
        "recency": 5,
        "frequency": 4,
        "monetary": 5,
        "segment": "Champions",
        "r_score": 5,
        "f_score": 4,
        "m_score": 5,
        "rfm_segment": "Champions",
    },
    "predict_nbo": {
        "customer_id": _CUSTOMER,
        "recommended_offer": 3,
        "confidence": 0.85,
        "all_offers": [{"offer_id": 1, "score": 0.15}, {"offer_id": 3, "score": 0.85}],
        "recommended_offer_name": "Double points",
        "recommended_offer_index": 1,
        "offers": [
            {"offer_id": 1, "offer_name": "Free delivery", "category": None, "probability": 0.15},
            {"offer_id": 3, "offer_name": "Double points", "category": None, "probability": 0.85},
        ],
    },
    "read_experiment": {
        "champion": _VERSION,
        "challenger": "20261123T090000Z-3c4d",
        "share": 0.2,
        "started_at": "2026-11-24T08:00:00Z",
        "started_by": "ann@example.com",
    },
}
