"""Examples of the figures of the screens."""

from loyalty_core.api.examples.example import ACTIVE_VERSION, NOW, Example

_RUN = {"scored_at": NOW, "model_version": ACTIVE_VERSION}
_VIP = {"segment_id": "vip"}
_GROUP = {"customers": 601, "churners": 187.2, "mean": 0.311, "value": 941_220.5, "loss": 210_340.75}
_SPENDING = {"customers": 255, "known": 255, "money": 612_400.0, "purchases": 9_120.0}
_TOP_SEGMENT = {
    "id": "vip",
    "name": "VIP",
    "customers": 601,
    "share": 0.3005,
    "change": 11,
    "is_stale": False,
    "data_changed": False,
}

EXAMPLES = {
    "read_overview": Example(
        {
            **_RUN,
            "customers": 2_000,
            "churners": 574.3,
            "churners_before": 560.1,
            "risks": [{"value": "high", "customers": 300, "share": 0.15, "before": 290}],
            "offers": [{"value": 3, "customers": 1_500, "share": 0.75, "before": 1_480}],
            "rfm_segments": [{"value": "Champions", "customers": 255, "share": 0.1275, "before": None}],
            "top_segments": [_TOP_SEGMENT],
        }
    ),
    "read_churn_figures": Example(
        {
            **_RUN,
            "unscored": 0,
            "value_column": "total_revenue",
            "everyone": _GROUP,
            "risks": {"low": _GROUP, "medium": _GROUP, "high": _GROUP},
            "histogram": [120, 90, 61, 44, 38, 35, 30, 28, 25, 22, 20, 18, 16, 14, 12, 10, 8, 6, 3, 1],
        },
        parameters=_VIP,
    ),
    "read_offer_figures": Example(
        {
            **_RUN,
            "customers": 601,
            "with_offer": 600,
            "conversions": 112.0,
            "conversions_interval": [96.6, 127.4],
            "expected_value": 725.8,
            "mean_uptake": 0.3,
            "mean_confidence": 0.62,
            "confidence": [0, 0, 0, 0, 0, 10, 20, 40, 60, 80, 90, 90, 80, 60, 40, 20, 10, 0, 0, 0],
            "basket": 36.2,
            "offers": [
                {
                    "offer_id": 3,
                    "offer_name": "Double points",
                    "customers": 600,
                    "share": 1.0,
                    "mean_propensity": 0.62,
                    "value": 6.48,
                    "value_is_known": True,
                    "conversions": 112.0,
                    "expected_value": 725.8,
                }
            ],
        },
        parameters=_VIP,
    ),
    "read_rfm_figures": Example(
        {
            **_RUN,
            "unscored": 0,
            "total": _SPENDING,
            "segments": [
                {
                    "name": "Champions",
                    "spending": _SPENDING,
                    "customer_share": 1.0,
                    "money_share": 1.0,
                    "advice": "Thank them with early access and status rather than discounts.",
                }
            ],
            "cells": [{"recency": 5, "frequency": 5, "monetary": 5, "segment": "Champions", "spending": _SPENDING}],
        },
        parameters=_VIP,
    ),
    "plan_contacts_of_base": Example(
        {
            **_RUN,
            "basis": "save_rate",
            "customers": 588,
            "best": {
                "customers": 204,
                "retained": 21.4,
                "cost": 1_020.0,
                "profit": 1_120.0,
                "low": 398.5,
                "high": 1_841.5,
            },
            "break_even": 431,
            "threshold": 0.25,
            "rule": {"and": [{"==": [{"var": "segment:vip"}, True]}, {">=": [{"var": "churn_probability"}, 0.25]}]},
            "harmed": 0,
            "unscored": 0,
        },
        parameters={"cost": 5, "save_rate": 0.2, "worth": 100, "basis": "save_rate", **_VIP},
    ),
    "read_rfm_movement": Example(
        {
            "since": "2026-11-17T08:00:00Z",
            "runs": [{"scored_at": "2026-11-17T08:00:00Z", "model_version": ACTIVE_VERSION}],
            "flows": [
                {"before": "Loyal", "after": "Champions", "kind": "stronger", "customers": 12, "money": 30_410.0},
                {"before": None, "after": "New Customers", "kind": "new", "customers": 9, "money": 410.5},
            ],
        },
        parameters=_VIP,
    ),
}
