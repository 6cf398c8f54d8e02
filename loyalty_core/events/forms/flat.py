"""The product's own form: `{event_id, type, customer_id, occurred_at, data}`; `source` and `simulated` are optional."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty_core.events.event import Event
from loyalty_core.events.forms.fields import read_flag, read_name, read_object, read_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.events.forms.arrival import Arrival


def read(message: Mapping[str, Any], arrival: Arrival) -> Event:
    """The last form that is tried: a message without one of its fields is none of them."""
    return Event(
        source=read_name(message, "source") if message.get("source") is not None else arrival.source,
        event_id=read_name(message, "event_id"),
        type=read_name(message, "type"),
        customer_id=read_name(message, "customer_id"),
        occurred_at=read_time(message.get("occurred_at"), "occurred_at"),
        data=read_object(message, "data"),
        is_simulated=read_flag(message, "simulated"),
    )


def write(event: Event) -> dict[str, Any]:
    """The event in this form."""
    return {
        "source": event.source,
        "event_id": event.event_id,
        "type": event.type,
        "customer_id": event.customer_id,
        "occurred_at": event.occurred_at.isoformat().replace("+00:00", "Z"),
        "data": dict(event.data),
        **({"simulated": True} if event.is_simulated else {}),
    }
