"""CloudEvents 1.0 in structured mode (JSON): `subject`, or `customer_id` in the data, names the customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty_core.events.errors import BadEvent
from loyalty_core.events.event import Event
from loyalty_core.events.forms.fields import read_flag, read_name, read_object, read_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.events.forms.arrival import Arrival


def read(message: Mapping[str, Any], arrival: Arrival) -> Event | None:
    """None for a message without `specversion`."""
    if "specversion" not in message:
        return None
    if message["specversion"] != "1.0":
        raise BadEvent(f"CloudEvents of version {message['specversion']!r} are not read.", remedy="Send version 1.0.")
    if "data_base64" in message or "json" not in str(message.get("datacontenttype") or "json"):
        raise BadEvent("The data of the CloudEvent is not JSON.", remedy="Send `data` as a JSON object.")
    data = read_object(message, "data")
    customer = {
        "subject": message.get("subject"),
        **({"subject": data["customer_id"]} if "customer_id" in data else {}),
    }
    if "customer_id" in data and message.get("subject") not in {None, data["customer_id"], str(data["customer_id"])}:
        raise BadEvent("The event names two customers.", "`subject` and `customer_id` in the data differ.")
    return Event(
        source=read_name(message, "source"),
        event_id=read_name(message, "id"),
        type=read_name(message, "type"),
        customer_id=read_name(customer, "subject"),
        occurred_at=read_time(message["time"], "time") if message.get("time") is not None else arrival.received_at,
        data=data,
        is_simulated=read_flag(message, "simulated"),
    )
