"""Examples of health, metrics and the configuration."""

from loyalty_core.api.examples.example import Example

_CHECKED = {
    "status": "ok",
    "checks": [
        {
            "area": "Warehouse",
            "name": "Connection",
            "status": "ok",
            "detail": "loyalty at db.example.com: PostgreSQL 16.4, answered in 3 ms.",
            "remedy": "",
        }
    ],
}

EXAMPLES = {
    "read_health": Example(_CHECKED),
    "read_liveness": Example({"status": "ok"}),
    "read_readiness": Example(_CHECKED),
    "read_operational_metrics": Example(
        "# HELP loyalty_state_store_up Whether the state store answers\n"
        "# TYPE loyalty_state_store_up gauge\n"
        "loyalty_state_store_up 1.0\n"
    ),
    "read_ml_configuration": Example(
        {
            "mock_mode": False,
            "feature_mapping": {
                "revenue": "total_revenue",
                "days_since_last": ["last_purchase_days_ago", "days_since_last_transaction"],
            },
            "input_size": 2,
            "churn_thresholds": {"medium": 0.4, "high": 0.7},
            "training": {"epochs": 50},
            "versions_kept": 5,
            "rfm": {"rule": "default", "columns": {}, "cut_points": {"recency": [10, 30, 60, 120]}},
        }
    ),
    "test_warehouse": Example(
        {
            "success": True,
            "message": "loyalty at db.example.com answers.",
            "dialect": "postgresql",
            "server": "16.4",
            "seconds": 0.003,
            "refuses_writes": True,
            "limits_time": True,
        }
    ),
}
