"""Caches for customer features: in memory, or in Redis, whose failures cost a look-up at most 0.3 s."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as DeadlineExceeded
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import redis
from cachetools import TTLCache
from circuitbreaker import CircuitBreaker
from redis.backoff import NoBackoff
from redis.retry import Retry

from loyalty_core.errors import SettingsError
from loyalty_core.warehouse.customers.encoding import decode_features, encode_features

Features = dict[str, Any]

# A read and a write together stay under the 0.3 s that a broken cache may cost.
_READ_SECONDS = 0.15
_WRITE_SECONDS = 0.1
# Nobody waits for a page while the whole cache is cleared.
_CLEAR_SECONDS = 20.0
_KEYS_AT_ONCE = 1_000


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

    `delete_many` and `clear` return how many customers were cached, or None if the cache does not answer.
    """

    def get_many(self, keys: Iterable[str]) -> dict[str, Features]: ...

    def set_many(self, values: Mapping[str, Features]) -> None: ...

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

    def __init__(self, max_customers: int, ttl_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._entries: TTLCache[str, _Entry] = TTLCache(max_customers, ttl_seconds, timer=clock)
        self._lock = threading.Lock()
        self._hits = self._misses = 0

    def get_many(self, keys: Iterable[str]) -> dict[str, Features]:
        with self._lock:
            wanted = list(keys)
            found = {key: entry for key in wanted if (entry := self._entries.get(key)) is not None}
            self._hits += len(found)
            self._misses += len(wanted) - len(found)
        return {key: entry.copy() for key, entry in found.items()}

    def set_many(self, values: Mapping[str, Features]) -> None:
        entries = {key: _Entry.of(features) for key, features in values.items()}
        with self._lock:
            self._entries.update(entries)

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


class RedisCache:
    """Features in Redis, shared by every process; while Redis fails, every look-up is a miss.

    A read, or a write, that takes longer than its limit counts as a failure; after one, Redis is asked again no
    sooner than `retry_after_seconds` later.
    """

    def __init__(
        self,
        url: str,
        ttl_seconds: int,
        *,
        read_seconds: float = _READ_SECONDS,
        write_seconds: float = _WRITE_SECONDS,
        retry_after_seconds: float = 10,
    ) -> None:
        self._client = _client(url, read_seconds)
        self._read_seconds, self._write_seconds = read_seconds, write_seconds
        self._ttl = ttl_seconds
        self._breaker = CircuitBreaker(
            failure_threshold=1,
            recovery_timeout=retry_after_seconds,
            name=f"feature cache {id(self)}",
        )
        self._calls = ThreadPoolExecutor(max_workers=8, thread_name_prefix="feature-cache")
        self._trouble = ""
        self._unreadable = 0
        self._hits = self._misses = 0

    def get_many(self, keys: Iterable[str]) -> dict[str, Features]:
        wanted = list(keys)
        stored = self._within(self._read_seconds, lambda: self._client.mget(wanted)) if wanted else []
        found: dict[str, Features] = {}
        for key, packed in zip(wanted, stored or (), strict=False):
            features = decode_features(key, packed) if packed is not None else None
            if features is not None:
                found[key] = features
            elif packed is not None:
                self._unreadable += 1
        self._hits += len(found)
        self._misses += len(wanted) - len(found)
        return found

    def set_many(self, values: Mapping[str, Features]) -> None:
        def write() -> None:
            with self._client.pipeline(transaction=False) as pipeline:
                for key, features in values.items():
                    if (packed := encode_features(key, features)) is not None:
                        pipeline.set(key, packed, ex=self._ttl)
                pipeline.execute()

        self._within(self._write_seconds, write)

    def delete_many(self, keys: Iterable[str]) -> int | None:
        gone = list(keys)
        return self._within(self._write_seconds, lambda: self._client.delete(*gone)) if gone else 0

    def clear(self, prefix: str) -> int | None:
        def unlink() -> int:
            removed, cursor = 0, None
            while cursor != 0:
                cursor, keys = self._client.scan(cursor or 0, f"{prefix}*", _KEYS_AT_ONCE)
                removed += self._client.unlink(*keys) if keys else 0
            return removed

        return self._within(_CLEAR_SECONDS, unlink)

    def health(self) -> CacheHealth:
        self._within(self._read_seconds, self._client.ping)
        trouble = self._trouble
        if not trouble and self._unreadable:
            trouble = f"{self._unreadable:,} entries could not be read and were replaced."
        return CacheHealth("redis", self._hits, self._misses, trouble=trouble)

    def close(self) -> None:
        """Close all connections."""
        self._calls.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def _within(self, seconds: float, call: Callable[[], Any]) -> Any:
        """The call's result, or None while Redis is down or too slow, or was so a moment ago."""
        if self._breaker.opened:
            return None
        try:
            result = self._breaker.call(lambda: self._calls.submit(call).result(timeout=seconds))
        except Exception as error:  # noqa: BLE001 - a connection that is closed under a waiting thread raises anything
            slow = isinstance(error, DeadlineExceeded | redis.TimeoutError)
            self._trouble = "Redis is too slow." if slow else f"Redis does not answer: {str(error).rstrip('.')}."
            # Frees the thread that still waits: the timeouts of sockets restart with every byte.
            self._client.connection_pool.disconnect()
            return None
        self._trouble = ""
        return result


def _client(url: str, socket_seconds: float) -> redis.Redis:
    # redis-py retries for up to a minute by default, and its timeouts count per packet, not per call:
    # so no retries here, and a deadline of our own around each call.
    try:
        return redis.Redis.from_url(
            url,
            socket_timeout=socket_seconds,
            socket_connect_timeout=socket_seconds,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
        )
    except (ValueError, TypeError):
        raise SettingsError(
            "REDIS_URL cannot be read.", remedy="Write it as redis://user:password@host:6379/0."
        ) from None
