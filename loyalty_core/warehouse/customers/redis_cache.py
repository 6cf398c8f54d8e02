"""A cache for customer features in Redis, whose failures cost a look-up at most 0.3 s."""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as DeadlineExceeded
from typing import Any, ClassVar

import redis
from circuitbreaker import CircuitBreaker
from redis.backoff import NoBackoff
from redis.retry import Retry

from loyalty_core.errors import SettingsError
from loyalty_core.memory_only import about_to_wait
from loyalty_core.warehouse.customers.encoding import decode_features, encode_features
from loyalty_core.warehouse.customers.feature_cache import CacheHealth, Features

# A read and a write together stay under the 0.3 s that a broken cache may cost.
_READ_SECONDS = 0.15
_WRITE_SECONDS = 0.1
# Nobody waits for a page while the whole cache is cleared.
_CLEAR_SECONDS = 20.0
_KEYS_AT_ONCE = 1_000
# A sorted set of the prefixes by when something was last cached under them.
_PREFIXES = "loyalty:feature-prefixes"
_CLOCKS_DIFFER_SECONDS = 3_600


class RedisCache:
    """Features in Redis, shared by every process; while Redis fails, every look-up is a miss.

    A read, or a write, that takes longer than its limit counts as a failure; after one, Redis is asked again no
    sooner than `retry_after_seconds` later.
    """

    is_shared: ClassVar[bool] = True

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

    def get(self, key: str) -> Features | None:
        return self.get_many([key]).get(key)

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

    def set_many(self, values: Mapping[str, Features], prefix: str = "") -> None:
        def write() -> None:
            with self._client.pipeline(transaction=False) as pipeline:
                if prefix:
                    pipeline.zadd(_PREFIXES, {prefix: time.time()})
                for key, features in values.items():
                    if (packed := encode_features(key, features)) is not None:
                        pipeline.set(key, packed, ex=self._ttl)
                pipeline.execute()

        self._within(self._write_seconds, write)

    def prefixes(self) -> set[str] | None:
        def read() -> list[bytes]:
            with self._client.pipeline(transaction=False) as pipeline:
                # Nothing is cached any longer under those that have not been written for so long.
                pipeline.zremrangebyscore(_PREFIXES, "-inf", time.time() - self._ttl - _CLOCKS_DIFFER_SECONDS)
                pipeline.zrange(_PREFIXES, 0, -1)
                return pipeline.execute()[1]

        found = self._within(self._read_seconds, read)
        return None if found is None else {prefix.decode() for prefix in found}

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
        about_to_wait()
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
