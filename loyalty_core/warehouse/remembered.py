"""Facts that are read from the warehouse once in a while, as its catalog is."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from cachetools import TTLCache

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.warehouse.connection import Warehouse

Fact = TypeVar("Fact")

_FACTS = 20
_remembered: WeakKeyDictionary[Warehouse, TTLCache[tuple[str, str], Any]] = WeakKeyDictionary()
# Only around the caches, which threads share; nobody waits for a read.
_lock = threading.Lock()


def remembered(warehouse: Warehouse, name: str, read: Callable[[], Fact]) -> Fact:
    """What `read` returned; read again after `DWH_CATALOG_TTL_SECONDS` and when the revision has changed.

    The result is shared, must not be changed, and must not refer to the warehouse, which could never be released.
    """
    _ = warehouse.engine  # notices a replaced file, which changes the revision
    key = name, warehouse.cache_key
    with _lock:
        known = _remembered.get(warehouse)
        if known is None:
            known = _remembered[warehouse] = TTLCache(_FACTS, warehouse.settings.dwh_catalog_ttl_seconds)
        with suppress(KeyError):
            return known[key]
    found = read()
    with _lock:
        known[key] = found
    return found
