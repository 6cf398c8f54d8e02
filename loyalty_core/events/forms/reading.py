"""Reads a message as an event, whatever its form."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from loyalty_core.events.errors import BadEvent
from loyalty_core.events.forms import cloud_events, flat, origin_topics, origin_webhook
from loyalty_core.events.forms.arrival import Arrival
from loyalty_core.events.forms.fields import require_past
from loyalty_core.events.types import check_data

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from loyalty_core.events.event import Event

__all__ = ["Arrival", "read_event", "read_text"]

# A new form is a module with a function `read`, which returns None for messages of other forms.
_SPECIAL_FORMS = (cloud_events.read, origin_webhook.read, origin_topics.read)
_MAX_BYTES = 2**20
_MAX_DEPTH = 50
_LARGEST = sys.float_info.max


def read_event(message: object, arrival: Arrival) -> Event:
    """The event of a message that was JSON; raises `BadEvent` with the reason and the remedy."""
    if not isinstance(message, dict):
        raise BadEvent("The message is no JSON object.", remedy="Send one object for each event.")
    event = next((event for read in _SPECIAL_FORMS if (event := read(message, arrival))), None)
    event = event or flat.read(message, arrival)
    require_past(event.occurred_at, arrival.received_at)
    check_data(event.type, event.data)
    _require_storable(event.data)
    return event


def read_text(text: str | bytes, arrival: Arrival) -> Event:
    """The event of a message; raises `BadEvent` with the reason and the remedy."""
    if len(text) > _MAX_BYTES:
        raise BadEvent(f"The message has more than {_MAX_BYTES:,} bytes.", remedy="Leave out what is not about events.")
    try:
        message: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadEvent("The message is not JSON.", f"{str(error) or 'It is nested too deeply'}.") from None
    return read_event(message, arrival)


def _require_storable(data: Mapping[str, Any]) -> None:
    """Raise `BadEvent` for data that could be read and not be applied.

    Python reads NaN, 1e999 as infinity, and integers of any length; neither JSON nor a column of numbers has them.
    """
    level: list[Any] = [data]
    for _ in range(_MAX_DEPTH):
        level = [one for value in level for one in _parts(value)]
        if not level:
            return
    raise BadEvent(
        "The data of the event cannot be stored.",
        f"It is nested more than {_MAX_DEPTH} levels deep.",
        "Send what the event is about, without what surrounds it in the sender's system.",
    )


def _parts(value: Any) -> Iterable[Any]:
    """What the value consists of; raises `BadEvent` for a number that cannot be stored."""
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, list):
        return value
    if isinstance(value, int | float) and not -_LARGEST <= value <= _LARGEST:  # also NaN
        said = "NaN" if value != value else "larger than a double can be"
        raise BadEvent(
            "The data of the event cannot be stored as JSON.", f"A number is {said}.", "Send null where none is known."
        )
    return ()
