"""Which errors say that something cannot be done now, rather than that an event cannot be applied."""

from __future__ import annotations

from loyalty_core.errors import QueryTimeout, StateStoreUnavailable, ViewUnusable, WarehouseUnavailable
from loyalty_core.limits import TooBusy


def is_outage(error: BaseException) -> bool:
    """Whether no event can be applied now, whichever it is: the workers wait until the outage is over."""
    return isinstance(error, WarehouseUnavailable | StateStoreUnavailable | ViewUnusable)


def is_temporary(error: BaseException) -> bool:
    """Whether the same event may succeed later: it is tried again as often as it takes, and others go before it."""
    return is_outage(error) or isinstance(error, QueryTimeout | TooBusy)
