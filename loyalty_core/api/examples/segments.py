"""Examples of segments."""

from loyalty_core.api.examples.customers import COLUMN, FEATURES
from loyalty_core.api.examples.example import CUSTOMER, MANY, NOW, ONE, Example
from loyalty_core.api.examples.jobs import QUEUED
from loyalty_core.api.examples.predictions import CHURN, CHURN_STATISTICS, COUNTS, SOURCE

_RULE = {"and": [{">=": [{"var": "total_revenue"}, 1000]}, {"<": [{"var": "last_purchase_days_ago"}, 90]}]}
_VIP, _BIG_SPENDERS = {"segment_id": "vip"}, {"segment_id": "big-spenders"}
_SIZE = {"at": NOW, "customers": 601, "base": 2_000, "joined": 14, "left": 3, "version": 1, "cause": "scoring"}
_SNAPSHOT = {**_SIZE, **_VIP, "total_members": 601, "added": 14, "removed": 3}
_CALCULATED = {**_SNAPSHOT, "total": 601, "unknown": []}
_NEW = {
    "id": "big-spenders",
    "name": "Big spenders",
    "description": "Bought lately",
    "tags": ["value"],
    "rule": _RULE,
    "rules": [{"name": "Big spenders", "rule": _RULE}],
    "owner": "ann@example.com",
    "version": 1,
    "created_at": NOW,
    "updated_at": NOW,
    "updated_by": "ann@example.com",
    "archived_at": None,
    "is_active": True,
    "is_dynamic": True,
    "size": None,
    "sizes_recent": [],
    "error": None,
    "is_stale": True,
    "data_changed": False,
    "fewer_than": None,
}
_REFRESHED = {**_NEW, "size": _SIZE, "sizes_recent": [590, 601], "is_stale": False}
_FIRST_VERSION = {
    "number": 1,
    "at": NOW,
    "actor": "ann@example.com",
    "changes": ["Created"],
    "name": "Big spenders",
    "description": "Bought lately",
    "tags": ["value"],
    "rule": _RULE,
}
_SECOND_VERSION = {**_FIRST_VERSION, "number": 2, "changes": ["Tags removed: value"], "tags": []}
_EVALUATED = {
    "customers": 412,
    "base": 2_000,
    "share": 0.206,
    "certain": None,
    "sentence": "Total revenue is at least 1,000 and Days since the last purchase is less than 90",
    "conditions": [
        {
            "path": "$.and[0]",
            "sentence": "Total revenue is at least 1,000",
            "holds": 489,
            "blanks": 0,
            "certain": None,
        }
    ],
    "funnel": [{"path": "$.and[0]", "sentence": "Total revenue is at least 1,000", "remaining": 489, "without": 1_630}],
    "sql": "SELECT customer_id FROM customer_features_view WHERE total_revenue >= 1000 AND last_purchase_days_ago < 90",
}
_EXPLAINED = {
    "belongs": True,
    "explanation": {
        "sentence": "Total revenue is more than 800",
        "path": "$.>",
        "holds": True,
        "actual": {"total_revenue": 2170.05},
        "children": [],
        "change": [
            {
                "column": "total_revenue",
                "before": 2170.05,
                "after": 800,
                "sentence": "Total revenue would have to be 800 instead of 2,170.05.",
            }
        ],
    },
}
_AGGREGATES = {**COUNTS, **SOURCE, **CHURN_STATISTICS}
_METRICS = {
    **_VIP,
    "name": "VIP",
    "total_members": 601,
    "base": 2_000,
    "share": 0.3005,
    "calculated_at": NOW,
    "is_stale": False,
    "data_changed": False,
    "error": None,
    "fewer_than": None,
    "snapshots": [_SNAPSHOT],
}

EXAMPLES = {
    "create_segment": Example(
        _NEW, {"name": "Big spenders", "rule": _RULE, "description": "Bought lately", "tags": ["value"]}
    ),
    "list_segments": Example({"segments": [_REFRESHED]}, parameters={"search": "big"}),
    "read_segment": Example(_REFRESHED, parameters=_BIG_SPENDERS),
    "update_segment": Example(
        {**_NEW, "description": "", "tags": [], "version": 2},
        {"name": "Big spenders", "rule": _RULE, "version": 1},
        _BIG_SPENDERS,
    ),
    "change_segment": Example(
        {**_NEW, "description": "Bought within three months", "version": 3},
        {"description": "Bought within three months"},
        _BIG_SPENDERS,
    ),
    "evaluate_rule": Example(_EVALUATED, {"rule": _RULE}),
    "preview_rule": Example(_EVALUATED, {"rule": _RULE}),
    "find_similar_segments": Example([{"segment_id": "vip", "similarity": 0.97, "both": 590}], {"rule": _RULE}),
    "read_versions": Example({"versions": [_SECOND_VERSION, _FIRST_VERSION]}, parameters=_BIG_SPENDERS),
    "compare_versions": Example(
        {
            "from": _FIRST_VERSION,
            "to": _SECOND_VERSION,
            "changes": ["Tags removed: value"],
            "customers": {"both": 412, "only_from": 0, "only_to": 0},
        },
        parameters={**_BIG_SPENDERS, "from": 1, "to": 2},
    ),
    "restore_version": Example({**_NEW, "version": 4}, {"version": 1}, _BIG_SPENDERS),
    "list_fields": Example({"fields": [COLUMN]}),
    "read_histogram": Example(
        {"edges": [0.0, 500.0, 1_000.0, 1_500.0], "counts": [1_204, 612, 184], "open_ended": True},
        parameters={"name": "total_revenue", "bars": 3},
    ),
    "refresh_segments": Example(
        {**QUEUED, "kind": "segments", "title": "Computing segments", "options": {"ids": ["vip"]}}, {"ids": ["vip"]}
    ),
    "refresh_segment": Example(_SIZE, parameters=_VIP),
    "calculate_segment": Example(_CALCULATED, MANY, _VIP),
    "recalculate_segment": Example(_CALCULATED, MANY, _VIP),
    "read_metrics": Example(_METRICS, parameters=_VIP),
    "read_snapshots": Example({"snapshots": [_SNAPSHOT], "next_cursor": None}, parameters=_VIP),
    "list_snapshots": Example([_SNAPSHOT], parameters={"segment": "vip"}),
    "read_members": Example(
        {"members": [FEATURES], "next_cursor": "lHV6SdDI_VyBpWFmdGVy2SQw"}, parameters={**_VIP, "limit": 1}
    ),
    "export_members": Example(
        f'"customer_id","total_revenue"\n"{CUSTOMER}",2170.05\n',
        parameters={**_VIP, "format": "csv", "columns": ["customer_id", "total_revenue"]},
    ),
    "explain_customer": Example(_EXPLAINED, parameters={**_VIP, **ONE}),
    "read_profile": Example(
        {
            "customers": 601,
            "base": 2_000,
            "numbers": [
                {
                    "column": "total_revenue",
                    "segment_mean": 1_566.1,
                    "base_mean": 697.6,
                    "segment_total": 941_220.5,
                    "base_total": 1_395_222.8,
                    "difference": 1.24,
                }
            ],
            "values": [
                {
                    "column": "customer_tier",
                    "value": "Gold",
                    "customers": 310,
                    "segment_share": 0.516,
                    "base_share": 0.21,
                    "index": 2.457,
                }
            ],
        },
        parameters=_VIP,
    ),
    "compare_segments": Example(
        {
            "combinations": [
                {"member_of": [], "customers": 1_380},
                {"member_of": ["vip"], "customers": 412},
                {"member_of": ["vip", "norwegians"], "customers": 189},
                {"member_of": ["norwegians"], "customers": 19},
            ]
        },
        {"ids": ["vip", "norwegians"]},
    ),
    "predict_members": Example(
        {
            **_VIP,
            "type": "churn",
            "aggregated_stats": _AGGREGATES,
            "results": [{"customer_id": CUSTOMER, "result": CHURN}],
            "errors": [{"error": "The last scoring run has no churn prediction.", "customers": 1}],
            "has_more_results": True,
        },
        {"type": "churn", "limit": 1},
        _VIP,
    ),
    "read_statistics": Example(
        {**_VIP, "stats": {"churn": _AGGREGATES, "nbo": None, "rfm": None}, "unavailable": {}}, parameters=_VIP
    ),
    "delete_segment": Example(parameters=_BIG_SPENDERS),
}
