"""Flat JSON of the topics `dwh.…`: the topic is the type, and there is no id of the event.

Its id is made of the transaction's id where it has one, so that a transaction that is published again is a copy. Else
it is made of the message's place in the topic and the time it was published at, since offsets begin anew in a topic
that is created again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty_core.events.event import Event
from loyalty_core.events.forms.fields import read_flag, read_name, read_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.events.forms.arrival import Arrival

_PREFIX = "dwh."
_TIMES = ("occurred_at", "timestamp", "updated_at", "created_at")
_TRANSACTION_ID = "transaction_id"


def read(message: Mapping[str, Any], arrival: Arrival) -> Event | None:
    """None for a message of another topic, or one that has the product's own form."""
    if arrival.topic is None or not arrival.topic.startswith(_PREFIX) or "event_id" in message:
        return None
    data = {name: value for name, value in message.items() if name not in {"customer_id", *_TIMES}}
    return Event(
        source=arrival.source,
        event_id=_event_id(message, arrival),
        type=arrival.topic.removeprefix(_PREFIX),
        customer_id=read_name(message, "customer_id"),
        occurred_at=_occurred_at(message, arrival),
        data=data,
        is_simulated=read_flag(message, "simulated"),
    )


def _event_id(message: Mapping[str, Any], arrival: Arrival) -> str:
    if message.get(_TRANSACTION_ID) is not None:
        return f"transaction/{read_name(message, _TRANSACTION_ID)}"[:255]
    return arrival.position or ""


def _occurred_at(message: Mapping[str, Any], arrival: Arrival) -> Any:
    for name in _TIMES:
        if message.get(name) is not None:
            return read_time(message[name], name, arrival.zone)
    return arrival.sent_at or arrival.received_at
