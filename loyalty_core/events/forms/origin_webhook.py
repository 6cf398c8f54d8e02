"""The form `{source, event: {customer_id, event_type, timestamp, value, metadata}}`, which has no id of the event.

Its id is a digest of the whole content, so that the same request sent again is a copy; `event_id` in the metadata goes
before.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from loyalty_core.events.event import Event
from loyalty_core.events.forms.fields import read_name, read_object, read_time
from loyalty_core.events.types import TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.events.forms.arrival import Arrival

# What `value` is called in the data of each type; elsewhere it stays `value`.
_VALUES = {"transaction.created": "amount", "points.changed": "points", "tier.changed": "tier"}


def read(message: Mapping[str, Any], arrival: Arrival) -> Event | None:
    """None for a message without the object `event`."""
    if not isinstance(message.get("event"), dict):
        return None
    event = read_object(message, "event")
    kind = _type_of(read_name(event, "event_type"))
    data = dict(read_object(event, "metadata"))
    if event.get("value") is not None:
        data.setdefault(_VALUES.get(kind, "value"), event["value"])
    at = event.get("timestamp")
    return Event(
        source=read_name(message, "source") if message.get("source") is not None else arrival.source,
        event_id=read_name(data, "event_id") if data.get("event_id") is not None else _digest(message),
        type=kind,
        customer_id=read_name(event, "customer_id"),
        occurred_at=read_time(at, "timestamp", arrival.zone) if at is not None else arrival.received_at,
        data=data,
    )


def _type_of(name: str) -> str:
    """The type, which may be spelt with an underscore, or with the prefix of a topic."""
    name = name.removeprefix("dwh.")
    spelt = name.replace("_", ".", 1)
    return spelt if name not in TYPES and spelt in TYPES else name


def _digest(message: Mapping[str, Any]) -> str:
    return f"sha256:{hashlib.sha256(json.dumps(message, sort_keys=True).encode()).hexdigest()}"
