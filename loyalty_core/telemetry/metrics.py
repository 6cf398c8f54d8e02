"""Counters and histograms of this process. No label has customer ids, names or other values without a bound."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prometheus_client import Counter, Histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_QUERY_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

REQUESTS = Histogram(
    "loyalty_http_request_duration_seconds",
    "Time from a request to the end of its answer, by method, route template and status code",
    ("method", "route", "status"),
    buckets=_REQUEST_SECONDS,
)
PREDICTIONS = Counter(
    "loyalty_predictions", "Answers of models for single customers, by kind and model version", ("kind", "version")
)
_FEATURE_LOOKUPS = Counter(
    "loyalty_feature_cache_lookups", "Customers looked up in the feature cache, by result", ("result",)
)
FEATURE_HITS, FEATURE_MISSES = _FEATURE_LOOKUPS.labels("hit"), _FEATURE_LOOKUPS.labels("miss")
_QUERIES = Histogram(
    "loyalty_warehouse_query_duration_seconds",
    "Time until the warehouse has answered a query, or sent the first rows of a stream, by outcome",
    ("outcome",),
    buckets=_QUERY_SECONDS,
)
MESSAGES = Counter(
    "loyalty_messages", "Messages of campaigns that a sender dealt with, by channel and result", ("channel", "result")
)
MESSAGES_SENT_AGAIN = Counter(
    "loyalty_messages_sent_again",
    "Messages sent again although the receiver may have had them, by channel",
    ("channel",),
)
_ANSWERED, _FAILED, _CANCELLED = (_QUERIES.labels(outcome) for outcome in ("ok", "error", "cancelled"))

_EVENTS = Counter(
    "loyalty_events", "Events by type and what happened: received, applied or failed once", ("type", "outcome")
)


def count_event(kind: str, outcome: str, number: int = 1) -> None:
    """Count events of the type; `kind` is one of the known types, or "unreadable"."""
    _EVENTS.labels(kind, outcome).inc(number)


@contextmanager
def warehouse_query(is_cancelled: Callable[[], bool]) -> Iterator[None]:
    """Measure the block as one query of the warehouse; `is_cancelled` tells one that was stopped from a failure."""
    started = time.perf_counter()
    try:
        yield
    except BaseException:
        (_CANCELLED if is_cancelled() else _FAILED).observe(time.perf_counter() - started)
        raise
    _ANSWERED.observe(time.perf_counter() - started)
