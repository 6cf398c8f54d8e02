"""Examples of messages."""

from loyalty_core.api.examples.example import CUSTOMER, NOW, Example

_KEY = "0b9e6b4e-9d5f-4a0a-8a34-7d2f5d2f5a10"
_MESSAGE = {
    "id": 1,
    "key": _KEY,
    "campaign_id": "win-back",
    "customer_id": CUSTOMER,
    "channel": "email",
    "variant": "A",
    "offer_id": 3,
    "status": "in_doubt",
    "reason": "Its sender ended while sending it.",
    "waits_for": None,
    "channel_problem": None,
    "attempts": 1,
    "possible_copies": 0,
    "queued_at": NOW,
    "due_at": NOW,
    "sent_at": None,
    "is_simulated": False,
}
_RESOLVED = {**_MESSAGE, "status": "sent", "reason": "Marked as sent by ann@example.com.", "sent_at": NOW}
_WIN_BACK = {"campaign_id": "win-back"}
_PREVIEW = {
    "customer_id": CUSTOMER,
    "channel": "log",
    "variant": "A",
    "offer_id": 3,
    "offer_name": "Free delivery",
    "address": None,
    "subject": "",
    "body": "We miss you, Anna.",
    "missing": [],
    "problem": "",
}
_TEST = {"customer_id": CUSTOMER, "channel": "log", "address": None, "subject": "", "body": "We miss you, Anna."}

EXAMPLES = {
    "list_outbox": Example({"messages": [_MESSAGE], "next_cursor": None}, parameters={"status": "in_doubt"}),
    "resolve_message": Example(_RESOLVED, {"resolution": "mark_as_sent"}, {"message_id": 1}),
    "preview_messages": Example({"messages": [_PREVIEW]}, parameters={**_WIN_BACK, "limit": 10}),
    "send_test": Example(_TEST, {"channel": "log"}, _WIN_BACK),
}
