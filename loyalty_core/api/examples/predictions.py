"""Examples of predictions."""

from loyalty_core.api.examples.example import ACTIVE_VERSION, CUSTOMER, NOW, ONE, Example

CHURN = {
    "customer_id": CUSTOMER,
    "churn_probability": 0.75,
    "churn_risk": "high",
    "recommendations": ["Send retention offer", "Contact customer"],
}
RFM = {
    "customer_id": CUSTOMER,
    "recency": 5,
    "frequency": 4,
    "monetary": 5,
    "segment": "Champions",
    "r_score": 5,
    "f_score": 4,
    "m_score": 5,
    "rfm_segment": "Champions",
}
NBO = {
    "customer_id": CUSTOMER,
    "recommended_offer": 3,
    "confidence": 0.85,
    "all_offers": [{"offer_id": 1, "score": 0.15}, {"offer_id": 3, "score": 0.85}],
    "recommended_offer_name": "Double points",
    "recommended_offer_index": 1,
    "offers": [
        {"offer_id": 1, "offer_name": "Free delivery", "category": "service", "probability": 0.15},
        {"offer_id": 3, "offer_name": "Double points", "category": None, "probability": 0.85},
    ],
}
COUNTS = {"total_customers": 601, "processed": 600, "failed": 1}
SOURCE = {"source": "predictions", "model_version": ACTIVE_VERSION, "scored_at": NOW}
CHURN_STATISTICS = {
    "average_churn_probability": 0.312,
    "expected_churners": 187.2,
    "risk_distribution": {"low": 410, "medium": 120, "high": 70},
}
_SHARES_THEN, _SHARES_NOW = [0.4, 0.35, 0.25, 0.0], [0.38, 0.36, 0.26, 0.0]
_SCORES = {
    "scored_at": NOW,
    "data_changed": False,
    "versions": {ACTIVE_VERSION: 20_000},
    "customers": 20_000,
    "mean_churn_probability": 0.287,
    "risk_shares": {"low": 0.62, "medium": 0.23, "high": 0.15},
    "offer_shares": {"1": 0.25, "3": 0.75},
    "churn": {"psi": 0.0312, "state": "stable"},
    "offers": {"psi": 0.0087, "state": "stable"},
    "cause": "customers",
}
_MONITORING = {
    "version": ACTIVE_VERSION,
    "retraining": {
        "when": "not yet",
        "sentence": "No need to retrain yet: no feature has moved since the training and the models are 2 days old.",
        "reasons": [{"when": "not yet", "kind": "drift", "clause": "no feature has moved since the training"}],
    },
    "alarms": [
        {
            "code": "constant_input",
            "sentence": "Days since the last purchase has the same value for every customer.",
            "remedy": "Check how the warehouse fills the column.",
            "column": "last_purchase_days_ago",
        }
    ],
    "made_up": False,
    "drift": [
        {
            "feature": "revenue",
            "label": "Total revenue",
            "psi": 0.0021,
            "psi_since_training": 0.0021,
            "psi_since_learned": 0.0104,
            "state": "stable",
            "moved": "under 230 was 40.0%, is 38.0%",
            "bins": ["under 230", "230–900", "900 or more", "blank"],
            "then": {"customers": 19_500, "mean": 697.61, "blank": 0.0, "shares": _SHARES_THEN},
            "now": {"customers": 20_000, "mean": 704.2, "blank": 0.0, "shares": _SHARES_NOW},
            "psi_against_training_rows": {"churn": 0.0145},
        }
    ],
    "no_drift": None,
    "outcomes": {
        "churn": {
            "is_worse": False,
            "sentence": "The churn model holds: AUC 0.812 (0.796 to 0.828) in October 2026, 0.815 on its test rows.",
            "is_known": True,
        }
    },
    "scores": [_SCORES],
}

EXAMPLES = {
    "predict_nbo": Example(NBO, ONE),
    "predict_churn": Example(CHURN, ONE),
    "calculate_rfm": Example(RFM, ONE),
    "predict": Example(CHURN, ONE, {"model": "churn"}),
    "predict_segment": Example(
        {
            "segment_id": "vip",
            "segment_name": "VIP",
            "prediction_type": "churn",
            **COUNTS,
            "failures": {"The last scoring run has no churn prediction.": 1},
            "statistics": CHURN_STATISTICS,
            **SOURCE,
            "results": [CHURN],
        },
        {"segment_id": "vip", "first": 1},
        {"kind": "churn"},
    ),
    "monitoring": Example(_MONITORING),
}
