"""Which errors say that something is unavailable now, rather than that an event cannot be applied."""

from __future__ import annotations

from loyalty_core.errors import LoyaltyError, QueryTimeout, StateStoreUnavailable, ViewUnusable, WarehouseUnavailable
from loyalty_core.limits import TooBusy

_OUTAGES: tuple[type[LoyaltyError], ...] = (
    WarehouseUnavailable,
    StateStoreUnavailable,
    QueryTimeout,
    ViewUnusable,
    TooBusy,
)


def is_outage(error: BaseException) -> bool:
    """Whether the same events can be expected to succeed later, without anybody changing them."""
    return isinstance(error, _OUTAGES)
