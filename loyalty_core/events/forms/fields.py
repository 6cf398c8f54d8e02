"""Fields that several forms have, read and checked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from loyalty_core.events.errors import BadEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_TEXT = 255
# Clocks differ by less, unless one is wrong.
CLOCK_SKEW = timedelta(minutes=5)
# A number above this counts milliseconds since 1970: as seconds it would be after the year 5000.
_SMALLEST_MILLISECONDS = 1e11


def read_name(message: Mapping[str, Any], field: str) -> str:
    """A required text of 1 to 255 characters; a whole number is taken as its digits."""
    value = message.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is None:
        raise BadEvent(f"The event has no {field}.", remedy=f"Send it with {field}.")
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT or not _can_be_stored(value):
        raise BadEvent(
            f"The {field} of the event cannot be used.",
            f"It is a text of 1 to {LONGEST_TEXT} characters, none of them a null character.",
        )
    return value


def read_object(message: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """An optional object; empty where it is missing or null."""
    value = message.get(field)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadEvent(f"The {field} of the event is no object.", remedy="Send an object, such as {}.")
    return value


def read_flag(message: Mapping[str, Any], field: str) -> bool:
    """An optional true or false; false where it is missing."""
    value = message.get(field, False)
    if not isinstance(value, bool):
        raise BadEvent(f"The {field} of the event is neither true nor false.")
    return value


def read_time(value: object, field: str, zone: tzinfo | None = None) -> datetime:
    """A timestamp by ISO 8601 (RFC 3339); with `zone`, one without a zone is in that one, and numbers since 1970 count
    as well, in seconds or milliseconds.
    """
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value.strip())
        elif zone is not None and isinstance(value, int | float) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value / 1000 if abs(value) > _SMALLEST_MILLISECONDS else value, UTC)
        else:
            raise ValueError
        if moment.tzinfo is None and zone is not None:
            moment = moment.replace(tzinfo=zone)
        if moment.tzinfo is None:
            raise BadEvent(f"The {field} of the event has no time zone.", remedy="End it with Z, or with an offset.")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise BadEvent(
            f"The {field} of the event is no timestamp.", remedy="Send one such as 2026-11-27T08:30:00Z."
        ) from None


def require_past(occurred_at: datetime, now: datetime) -> None:
    """Raise `BadEvent` for what is to happen later than clocks differ."""
    if occurred_at > now + CLOCK_SKEW:
        raise BadEvent(
            f"The event is said to happen in the future, on {occurred_at:%Y-%m-%d at %H:%M:%S} UTC.",
            f"Here it is {now:%Y-%m-%d, %H:%M:%S} UTC.",
            "Check the sender's clock and time zone.",
        )


def _can_be_stored(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value
