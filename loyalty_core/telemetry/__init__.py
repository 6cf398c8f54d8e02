"""What the app reports about itself while it runs: metrics in Prometheus form, and structured logs."""

from loyalty_core.telemetry.metrics import (
    FEATURE_HITS,
    FEATURE_MISSES,
    MESSAGES,
    MESSAGES_SENT_AGAIN,
    PREDICTIONS,
    REQUESTS,
    count_event,
    warehouse_query,
)
from loyalty_core.telemetry.request import RequestFacts, current_request, note_viewer

__all__ = [
    "FEATURE_HITS",
    "FEATURE_MISSES",
    "MESSAGES",
    "MESSAGES_SENT_AGAIN",
    "PREDICTIONS",
    "REQUESTS",
    "RequestFacts",
    "count_event",
    "current_request",
    "note_viewer",
    "warehouse_query",
]
