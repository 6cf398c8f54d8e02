"""Examples of models, their versions and their training."""

from loyalty_core.api.examples.example import ACTIVE_VERSION, CUSTOMER, MANY, NOW, VERSION, Example
from loyalty_core.api.examples.jobs import QUEUED
from loyalty_core.api.examples.predictions import CHURN, NBO, RFM

_VERSION = {"version": VERSION}
_TRAINED = {
    "title": "Churn",
    "trained_at": NOW,
    "rows": {"total": 1_000, "train": 700, "validation": 150, "test": 150, "classes": {"0": 810, "1": 190}},
    "window": {"source": "customer_churn_history", "split": "time", "first": "2026-01-01", "last": "2026-08-01"},
    "metrics": {"auc": 0.81},
    "offers": [],
    "findings": [
        {
            "severity": "confirm",
            "sentence": "The feature 'status' alone almost determines the label (AUC 0.962).",
            "remedy": "Check for target leakage: it must be known before the label.",
            "feature": "status",
        }
    ],
    "objections": [],
}
_OTHER = {
    "version": VERSION,
    "is_active": False,
    "of_other_data": False,
    "created_at": NOW,
    "trained_by": "ann@example.com",
    "activated_at": None,
    "activated_by": "",
    "models": {"churn": _TRAINED},
    "left_out": {"uplift": "The warehouse has no table customer_treatment_history."},
    "refusal": None,
}
_ACTIVATED = {"is_active": True, "activated_at": NOW, "activated_by": "ann@example.com"}
_ACTIVE = {**_OTHER, "version": ACTIVE_VERSION, **_ACTIVATED}
_EXPERIMENT = {
    "champion": ACTIVE_VERSION,
    "challenger": VERSION,
    "share": 0.2,
    "started_at": NOW,
    "started_by": "ann@example.com",
}
_STATUS = {
    "status": "ok",
    "mock_mode": False,
    "version": ACTIVE_VERSION,
    "models": {
        "churn": {"title": "Churn", "file": "churn.tflite", "available": True, "trained_at": NOW},
        "nbo": {"title": "Next best offer", "file": "nbo.tflite", "available": True, "trained_at": NOW},
    },
    "features": ["revenue", "transaction_count", "days_since_last"],
    "refusal": None,
    "experiment": _EXPERIMENT,
    "experiment_refusal": None,
    "last_scoring": {"model_version": ACTIVE_VERSION, "scored_at": NOW},
}
_COMPARED = {
    "version": VERSION,
    "against": ACTIVE_VERSION,
    "compared_at": NOW,
    "same_rows": {
        "churn": {
            "rows": 100,
            "first": "2026-08-01",
            "last": "2026-08-31",
            "version": {"auc": 0.8},
            "against": {"auc": 0.75},
            "differences": {"auc": {"value": 0.05, "low": 0.01, "high": 0.09}},
            "flattered": ["against"],
        }
    },
    "shifts": [
        {
            "segment_id": None,
            "name": "All customers",
            "customers": 10,
            "bands": [[4, 1, 0], [2, 1, 0], [0, 1, 1]],
            "offers": [[3, 2], [1, 4]],
            "churners": [4.5, 5.0],
        }
    ],
    "offers": [1, 7],
    "remarks": [],
    "data_changed": False,
    "worse": [{"model": "nbo", "title": "Next best offer", "metric": "top_1"}],
}
_SCORING = {**QUEUED, "kind": "scoring", "title": "Scoring", "options": {}}
_COMPARING = {
    **QUEUED,
    "kind": "comparison",
    "title": "Comparing versions",
    "options": {"version": VERSION, "against": ACTIVE_VERSION},
}

EXAMPLES = {
    "read_status": Example(_STATUS),
    "read_training_readiness": Example(
        {
            "models": {
                "churn": {
                    "can_train": True,
                    "source": "customer_churn_history",
                    "rows": 12_000,
                    "unlabelled": 40,
                    "customers": 2_000,
                    "classes": {"0": 10_800, "1": 1_200},
                    "first": "2026-01-01",
                    "last": "2026-08-01",
                    "blanks": {"revenue": 0},
                    "findings": [
                        {
                            "severity": "warning",
                            "sentence": "The newest row is 115 days old.",
                            "remedy": "Load newer rows.",
                            "feature": "",
                        }
                    ],
                    "sampled_rows": 12_000,
                }
            },
            "unavailable": {"nbo": {"error": "history_missing", "detail": "There is no customer_offer_history."}},
        },
        parameters={"since": "2026-01-01", "until": "2026-08-01"},
    ),
    "list_versions": Example({"active": ACTIVE_VERSION, "versions": [_OTHER, _ACTIVE], "next_cursor": None}),
    "read_active_version": Example(_ACTIVE),
    "read_version": Example(_OTHER, parameters=_VERSION),
    "start_comparison": Example(_COMPARING, {"against": ACTIVE_VERSION}, _VERSION),
    "read_comparison": Example(_COMPARED, parameters={**_VERSION, "against": ACTIVE_VERSION}),
    "start_experiment": Example(_EXPERIMENT, {"challenger": VERSION, "share": 0.2}),
    "read_experiment": Example(_EXPERIMENT),
    "grow_experiment": Example({**_EXPERIMENT, "share": 0.4}, {"share": 0.4}),
    "stop_experiment": Example(),
    "activate_version": Example(
        {**_OTHER, **_ACTIVATED}, {"even_if_worse": True, "accepted_leaks": ["status"]}, _VERSION
    ),
    "roll_back": Example(_ACTIVE),
    "discard_version": Example(parameters=_VERSION),
    "start_training": Example(QUEUED, {"models": ["churn"], "epochs": 50, "seed": 7}),
    "start_scoring": Example(_SCORING),
    "test_models": Example(
        {
            "version": ACTIVE_VERSION,
            "results": [{"customer_id": CUSTOMER, "churn": CHURN, "nbo": NBO, "rfm": RFM}],
            "unknown": [],
            "errors": {},
        },
        MANY,
    ),
}
