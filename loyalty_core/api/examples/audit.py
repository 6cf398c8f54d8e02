"""Example of the audit trail."""

from loyalty_core.api.examples.example import NOW, Example

_EVENT = {
    "id": 17,
    "at": NOW,
    "actor": "ann@example.com",
    "place": "192.0.2.10",
    "action": "created",
    "subject_kind": "segment",
    "subject_id": "big-spenders",
    "details": {"name": "Big spenders", "version": 1},
}

EXAMPLES = {
    "search_audit_trail": Example(
        {"events": [_EVENT], "next_cursor": None},
        parameters={"subject": "segment", "since": "2026-11-01T00:00:00Z", "limit": 20},
    ),
    "download_audit_trail": Example(
        "at,actor,place,action,subject_kind,subject_id,details\n"
        f"{NOW},ann@example.com,192.0.2.10,archived,segment,big-spenders,{{}}\n",
        parameters={"subject": "segment", "since": "2026-11-01T00:00:00Z"},
    ),
}
