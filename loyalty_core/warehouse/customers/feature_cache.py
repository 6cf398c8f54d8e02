"""Caches for customer features: what is asked of one, and the one in memory."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

from cachetools import TTLCache

from loyalty_core.memory_only import about_to_wait

Features = dict[str, Any]


@dataclass(frozen=True)
class CacheHealth:
    """`kind` is "memory" or "redis"; `trouble` says in a sentence what is wrong, blank when nothing is."""

    kind: str
    hits: int
    misses: int
    entries: int | None = None
    trouble: str = ""

    @property
    def hit_rate(self) -> float | None:
        """Share of look-ups answered from the cache (0–1), None before the first."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else None


class FeatureCache(Protocol):
    """What FeatureStore needs of a cache; no method ever raises.

    `delete_many` and `clear` return how many customers were cached. `prefixes` are those under which any process that
    shares the cache has cached customers. All three return None if the cache does not answer. `is_shared` is whether
    other processes have the same cache.
    """

    is_shared: ClassVar[bool]

    def get(self, key: str) -> Features | None: ...

    def get_many(self, keys: Iterable[str]) -> dict[str, Features]: ...

    def set_many(self, values: Mapping[str, Features], prefix: str = "") -> None: ...

    def prefixes(self) -> set[str] | None: ...

    def delete_many(self, keys: Iterable[str]) -> int | None: ...

    def clear(self, prefix: str) -> int | None: ...

    def health(self) -> CacheHealth: ...


class _Entry(NamedTuple):
    """One customer's features, and the names of those whose values could be changed in place."""

    features: Features
    mutable: tuple[str, ...]

    @classmethod
    def of(cls, features: Features) -> "_Entry":
        mutable = tuple(name for name, value in features.items() if isinstance(value, list | dict))
        return cls(cls(features, mutable).copy(), mutable)

    def copy(self) -> Features:
        """A copy, so that a caller who changes it does not change what others get."""
        copied = self.features.copy()
        for name in self.mutable:
            copied[name] = deepcopy(copied[name])
        return copied


class MemoryCache:
    """The least recently used customers are evicted first; each expires after the time to live."""

    is_shared: ClassVar[bool] = False

    def __init__(self, max_customers: int, ttl_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._entries: TTLCache[str, _Entry] = TTLCache(max_customers, ttl_seconds, timer=clock)
        self._lock = threading.Lock()
        # One customer may be cached once for each scope.
        self._prefixes: set[str] = set()
        self._hits = self._misses = 0

    def get(self, key: str) -> Features | None:
        with self._lock:
            try:
                entry = self._entries[key]  # `get` would look twice
            except KeyError:
                about_to_wait()  # for the warehouse, and not counted yet
                self._misses += 1
                return None
            self._hits += 1
        return entry.copy()

    def get_many(self, keys: Iterable[str]) -> dict[str, Features]:
        with self._lock:
            wanted = list(keys)
            found = {key: entry for key in wanted if (entry := self._entries.get(key)) is not None}
            if len(found) < len(wanted):
                about_to_wait()  # for the warehouse, and not counted yet
            self._hits += len(found)
            self._misses += len(wanted) - len(found)
        return {key: entry.copy() for key, entry in found.items()}

    def set_many(self, values: Mapping[str, Features], prefix: str = "") -> None:
        entries = {key: _Entry.of(features) for key, features in values.items()}
        with self._lock:
            if prefix:
                self._prefixes.add(prefix)
            self._entries.update(entries)

    def prefixes(self) -> set[str]:
        with self._lock:
            return self._prefixes.copy()

    def delete_many(self, keys: Iterable[str]) -> int:
        with self._lock:
            return sum(self._entries.pop(key, None) is not None for key in keys)

    def clear(self, prefix: str) -> int:
        with self._lock:
            keys = [key for key in self._entries if key.startswith(prefix)]
            return sum(self._entries.pop(key, None) is not None for key in keys)

    def health(self) -> CacheHealth:
        with self._lock:
            return CacheHealth("memory", self._hits, self._misses, len(self._entries))
