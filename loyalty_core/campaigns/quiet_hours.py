"""When a message may be sent, in the customer's time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from datetime import time

    from loyalty_core.campaigns.limits import QuietHours

_DAY = timedelta(days=1)


def read_zone(name: str) -> ZoneInfo | None:
    """The time zone of that IANA name; None where there is none."""
    try:
        return ZoneInfo(name.strip())
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return None


def next_allowed(now: datetime, quiet: QuietHours | None, zone: ZoneInfo) -> datetime:
    """`now`, or the end of the quiet hours that it is in, in UTC.

    Quiet hours from 21:00 until 08:00 go over midnight. Where the clock is changed, they end when the clock in that
    zone first shows the time, and where it skips that time, as much later as it skips.
    """
    local = now.astimezone(zone)
    if quiet is None or not _is_quiet(local.time(), quiet):
        return now.astimezone(UTC)
    day = local.date() if local.time() < quiet.ends else local.date() + _DAY
    ends = (datetime.combine(day, quiet.ends, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return next((end for end in ends if end > now), now.astimezone(UTC))


def _is_quiet(clock: time, quiet: QuietHours) -> bool:
    if quiet.starts < quiet.ends:
        return quiet.starts <= clock < quiet.ends
    return clock >= quiet.starts or clock < quiet.ends
