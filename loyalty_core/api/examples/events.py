"""Examples of events and dead letters."""

import json
from typing import Any

from loyalty_core.api.examples.example import CUSTOMER, NOW, Example

_DATA = {"transaction_id": "t-1001", "amount": 59.9}
_SENT: dict[str, Any] = {
    "event_id": "order-1001",
    "type": "transaction.created",
    "customer_id": CUSTOMER,
    "occurred_at": NOW,
    "data": _DATA,
}
_CLOUD_EVENT = {
    "specversion": "1.0",
    "source": "/shop",
    "id": "1002",
    "type": "customer.login",
    "subject": CUSTOMER,
    "time": NOW,
    "data": {"channel": "app"},
}
_EVENT = {
    **_SENT,
    "id": 1,
    "source": "api/shop",
    "received_at": NOW,
    "simulated": False,
    "status": "done",
    "attempts": 0,
    "done_at": NOW,
    "sequel": "newest",
}
_LETTER_ID = {"letter_id": 1}
_LETTER = {
    "id": 1,
    "source": "kafka/loyalty.events",
    "position": "loyalty.events/0/17@1795507200000",
    "event": None,
    "customer_id": None,
    "body": '{"event_id": "order-1003"}',
    "error": {
        "code": "bad_event",
        "what": "The event has no type.",
        "why": "",
        "remedy": "Send it with type.",
    },
    "attempts": 0,
    "received_at": NOW,
    "status": "open",
    "changed_at": None,
    "changed_by": None,
}
_MENDED = json.dumps({**_SENT, "event_id": "order-1003"})
_CHANGED = {**_LETTER, "body": _MENDED, "changed_at": NOW, "changed_by": "ann@example.com"}
_SEGMENT = {"id": "high-churn-risk", "name": "High churn risk"}
_TRACE = {
    "event": 1,
    "customer_id": CUSTOMER,
    "at": NOW,
    "milliseconds": 12.4,
    "outcome": "Nothing was sent: no running campaign is triggered by this.",
    "steps": [
        {
            "name": "Churn predicted",
            "milliseconds": 1.6,
            "input": {"customers": 1, "models": ["churn"]},
            "output": {"before": 0.62, "after": 0.75, "risk": "high", "model_version": "mock"},
            "note": "",
        },
        {
            "name": "Segments joined and left",
            "milliseconds": 0.9,
            "input": {},
            "output": {"joined": [_SEGMENT], "left": []},
            "note": "",
        },
    ],
    "segments_joined": ["high-churn-risk"],
    "segments_left": [],
    "campaigns": [],
    "scores": {"before": 0.62, "after": 0.75, "model_version": "mock"},
}
_JOINED = {
    "at": NOW,
    "kind": "segment",
    "what": "High churn risk",
    "how": "joined",
    "event": 1,
    "segment_id": "high-churn-risk",
    "campaign_id": None,
    "channel": None,
    "offer_id": None,
    "reason": None,
    "simulated": False,
}

EXAMPLES = {
    "read_trace": Example(_TRACE, parameters={"event_id": 1}),
    "try_event": Example({**_TRACE, "event": None}, _SENT),
    "read_customer_story": Example(
        {"story": [_JOINED], "next_cursor": None}, parameters={"customer_id": CUSTOMER, "limit": 10}
    ),
    "list_event_types": Example(
        [
            {
                "value": "transaction.created",
                "label": "Transaction",
                "category": "Purchases",
                "accepted": True,
                "schema": {"type": "object", "properties": {"amount": {"type": "number"}}},
            }
        ]
    ),
    "send_events": Example({"accepted": 2, "events": [1, 2], "duplicates": 0, "rejected": []}, [_SENT, _CLOUD_EVENT]),
    "receive_customer_event": Example(
        {"status": "accepted", "event_id": "sha256:0a1b2c3d"},
        {
            "source": "shop",
            "event": {
                "customer_id": CUSTOMER,
                "event_type": "transaction.created",
                "timestamp": NOW,
                "value": 59.9,
                "metadata": {"store": "Oslo"},
            },
        },
    ),
    "list_events": Example(
        {"events": [_EVENT], "next_cursor": None}, parameters={"customer_id": CUSTOMER, "limit": 10}
    ),
    "read_events_status": Example({"waiting": 12, "retried": 1, "dead_letters": 2, "oldest_seconds": 0.3}),
    "list_dead_letters": Example({"dead_letters": [_LETTER], "next_cursor": None}, parameters={"limit": 10}),
    "read_dead_letter": Example(_LETTER, parameters=_LETTER_ID),
    "mend_dead_letter": Example(_CHANGED, {"body": _MENDED}, parameters=_LETTER_ID),
    "replay_dead_letter": Example(
        {**_CHANGED, "event": 3, "customer_id": CUSTOMER, "status": "replayed"}, parameters=_LETTER_ID
    ),
    "discard_dead_letter": Example(
        {**_LETTER, "id": 2, "status": "discarded", "changed_at": NOW, "changed_by": "ann@example.com"},
        parameters={"letter_id": 2},
    ),
}
