"""Examples of jobs and exports."""

from loyalty_core.api.examples.example import CUSTOMER, NOW, Example

_ID = {"job_id": 1}
QUEUED = {
    "job_id": 2,
    "kind": "training",
    "title": "Training",
    "state": "queued",
    "phase": "Starting",
    "done": 0,
    "total": None,
    "message": "",
    "started_by": "ann@example.com",
    "created_at": NOW,
    "started_at": None,
    "ended_at": None,
    "seconds": 0.0,
    "is_stopping": False,
    "error": None,
    "options": {"models": ["churn"], "epochs": 50, "seed": 7},
    "result": None,
    "log_tail": "",
}
_WRITTEN = {"file": "vip-20261124T080000Z-1a2b3c4d.parquet", "customers": 601, "bytes": 28_060}
_DONE = {
    **QUEUED,
    **_ID,
    "kind": "export",
    "title": "Export",
    "state": "done",
    "phase": "Writing customers",
    "done": 601,
    "total": 601,
    "message": "601 customers written.",
    "started_at": NOW,
    "ended_at": NOW,
    "seconds": 0.4,
    "options": {"segment_id": "vip", "format": "parquet", "columns": ["total_revenue"]},
    "result": _WRITTEN,
}
_EXPORT = {
    **_ID,
    "segment_id": "vip",
    "format": "parquet",
    "state": "queued",
    "done": 0,
    "total": None,
    "error": None,
}
_EXPORTED = {**_EXPORT, "state": "done", "done": 601, "total": 601, **_WRITTEN}

EXAMPLES = {
    "start_export": Example(_EXPORT, {"segment_id": "vip", "format": "parquet", "columns": ["total_revenue"]}),
    "read_export": Example(_EXPORTED, parameters=_ID),
    "download_export": Example(f'"customer_id","total_revenue"\n"{CUSTOMER}",2170.05\n', parameters=_ID),
    "cancel_export": Example({**_EXPORT, "state": "cancelled"}, parameters=_ID),
    "list_jobs": Example({"jobs": [_DONE], "next_cursor": 1}, parameters={"kind": "export", "limit": 1}),
    "read_job": Example(_DONE, parameters=_ID),
    "cancel_job": Example(_DONE, parameters=_ID),
    "cancel_job_by_post": Example(_DONE, parameters=_ID),
    "follow_job": Example(
        'id: 1\nevent: report\ndata: {"epoch":1}\n\nid: end\nevent: end\ndata: {"job_id":1,"state":"done"}\n\n',
        parameters=_ID,
    ),
}
