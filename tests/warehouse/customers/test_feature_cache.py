"""Caches: the answers are the warehouse's whatever happens to Redis, and never much later."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

import msgpack
import pytest
import redis

from loyalty_core.errors import SettingsError
from loyalty_core.warehouse import FeatureStore
from loyalty_core.warehouse.customers import MemoryCache, RedisCache
from tests.fixtures.warehouses import CUSTOMERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import DuckDBFile
    from tests.servers import RedisServer

# What a broken Redis may cost (0.3 s), on a machine that is busy with other tests.
PATIENCE = 0.3 + 0.4
RETRY_AFTER = 0.5


@pytest.fixture
def customers(duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """The four customers in DuckDB, with everything reflected and warm."""
    duckdb_file.execute(CUSTOMERS)
    warehouse = open_warehouse(duckdb_file.url)
    FeatureStore(warehouse, MemoryCache(1, 60)).get("C1")
    return warehouse


@contextmanager
def redis_cache(url: str, ttl_seconds: int = 60) -> Iterator[RedisCache]:
    cache = RedisCache(url, ttl_seconds, retry_after_seconds=RETRY_AFTER)
    try:
        yield cache
    finally:
        cache.close()


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with closing(redis.Redis.from_url(redis_server.url)) as client:
        yield client


@pytest.fixture
def cache(redis_server: RedisServer) -> Iterator[RedisCache]:
    with redis_cache(redis_server.url) as cache:
        yield cache


def answers(store: FeatureStore) -> tuple[dict[str, object], float]:
    """Three customers and how long they took."""
    started = time.monotonic()
    found = store.get_many(["C1", "C2", "C3", "X"])
    return dict(found), time.monotonic() - started


def expected(warehouse: Warehouse) -> dict[str, object]:
    return dict(FeatureStore(warehouse, MemoryCache(10, 60)).get_many(["C1", "C2", "C3", "X"]))


def test_memory_forgets_after_the_time_to_live():
    cache = MemoryCache(10, ttl_seconds=1)
    cache.set_many({"a": {"x": 1}})
    assert cache.get_many(["a"]) == {"a": {"x": 1}}
    time.sleep(1.1)
    assert cache.get_many(["a"]) == {}


def test_memory_is_bounded():
    cache = MemoryCache(3, ttl_seconds=60)
    for number in range(10):
        cache.set_many({str(number): {"x": number}})
    assert cache.health().entries == 3
    assert cache.get_many(["0", "9"]) == {"9": {"x": 9}}


def test_memory_takes_more_customers_at_once_than_it_holds():
    cache = MemoryCache(3, ttl_seconds=60)
    cache.set_many({str(number): {"x": number} for number in range(10)})
    assert cache.health().entries == 3


def test_memory_counts_hits_and_misses():
    cache = MemoryCache(10, 60)
    assert cache.health().hit_rate is None
    cache.set_many({"a": {}})
    cache.get_many(["a", "b"])
    health = cache.health()
    assert (health.kind, health.hits, health.misses, health.hit_rate, health.trouble) == ("memory", 1, 1, 0.5, "")


def test_the_settings_choose_the_cache(customers: Warehouse, redis_url: str):
    assert FeatureStore(customers).health().kind == "memory"
    customers.settings = customers.settings.model_copy(update={"redis_url": redis_url})
    assert FeatureStore(customers).health().kind == "redis"


def test_redis_serves_what_was_read(customers: Warehouse, cache: RedisCache):
    store = FeatureStore(customers, cache)
    first, _ = answers(store)
    second, _ = answers(store)
    assert first == second == expected(customers)
    assert {type(value) for value in second["C1"].values()} == {type(value) for value in first["C1"].values()}
    health = store.health()
    assert (health.kind, health.hits, health.misses, health.trouble) == ("redis", 3, 5, "")


def test_redis_is_shared_by_processes_and_expires(customers: Warehouse, redis_server: RedisServer, client: redis.Redis):
    with redis_cache(redis_server.url) as one, redis_cache(redis_server.url) as other:
        FeatureStore(customers, one).get("C1")
        FeatureStore(customers, other).get("C1")
        assert other.health().hits == 1
        (key,) = client.keys()
        assert 0 < client.ttl(key) <= 60


def test_redis_forgets_invalidated_customers(customers: Warehouse, cache: RedisCache, client: redis.Redis):
    store = FeatureStore(customers, cache)
    store.get_many(["C1", "C2"])
    store.invalidate(["C1"])
    assert len(client.keys()) == 1
    store.invalidate([])


def test_redis_keys_change_with_the_data(customers: Warehouse, cache: RedisCache, duckdb_file: DuckDBFile):
    store = FeatureStore(customers, cache)
    assert store.get("C1")["city"] == "Oslo"
    duckdb_file.execute("UPDATE customers SET city = 'Tromsø'")
    assert store.get("C1")["city"] == "Tromsø"


def test_values_that_redis_cannot_keep_are_read_each_time(customers: Warehouse, cache: RedisCache, client: redis.Redis):
    cache.set_many({"a": {"x": object()}, "b": {"x": 1}})
    assert client.keys() == [b"b"]


def check_trouble(customers: Warehouse, store: FeatureStore, trouble: str) -> None:
    """The answers are the same, the first one at most 0.3 s later, the next ones at once; health tells."""
    right = expected(customers)
    found, seconds = answers(store)
    assert found == right
    assert seconds < PATIENCE
    started = time.monotonic()
    for _ in range(5):
        assert answers(store)[0] == right
    assert time.monotonic() - started < PATIENCE
    assert trouble in store.health().trouble


def check_recovery(store: FeatureStore) -> None:
    deadline = time.monotonic() + 20
    before = store.health().hits
    while store.health().hits == before and time.monotonic() < deadline:
        answers(store)
        time.sleep(0.1)
    assert store.health().hits > before
    assert store.health().trouble == ""


def test_redis_down_and_back(customers: Warehouse, redis_server: RedisServer, cache: RedisCache):
    store = FeatureStore(customers, cache)
    answers(store)
    redis_server.stop()
    check_trouble(customers, store, "Redis does not answer: ")
    redis_server.start()
    check_recovery(store)


def test_redis_frozen_and_back(customers: Warehouse, redis_server: RedisServer, cache: RedisCache):
    store = FeatureStore(customers, cache)
    answers(store)
    redis_server.pause()
    check_trouble(customers, store, "Redis is too slow.")
    redis_server.resume()
    check_recovery(store)


def test_redis_never_there(customers: Warehouse):
    with redis_cache("redis://127.0.0.1:1/0") as cache:
        check_trouble(customers, FeatureStore(customers, cache), "Redis does not answer: ")


def test_redis_with_a_wrong_password(customers: Warehouse, redis_server: RedisServer, client: redis.Redis):
    client.config_set("requirepass", "right")
    with redis_cache(redis_server.url.replace("://", "://:hush@")) as cache:
        store = FeatureStore(customers, cache)
        check_trouble(customers, store, "Redis does not answer: ")
        assert "hush" not in store.health().trouble


class SlowProxy:
    """A TCP proxy before Redis that passes its answers on byte by byte, so that each packet is in time."""

    def __init__(self, port: int, seconds_per_byte: float) -> None:
        self.seconds_per_byte = seconds_per_byte
        self.connections = 0
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            self._open += [near, far]
            self.connections += 1
            threading.Thread(target=self._pass_on, args=(near, far), daemon=True).start()
            threading.Thread(target=self._drip, args=(far, near), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        self.connections -= 1

    def _drip(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 if self.seconds_per_byte else 65_536):
                target.sendall(data)
                time.sleep(self.seconds_per_byte)
            target.shutdown(socket.SHUT_WR)


@pytest.fixture
def slow_proxy(redis_server: RedisServer) -> Iterator[SlowProxy]:
    with closing(SlowProxy(redis_server.port, 0.05)) as proxy:
        yield proxy


def test_redis_dripping_and_back(customers: Warehouse, slow_proxy: SlowProxy):
    with redis_cache(slow_proxy.url) as cache:
        store = FeatureStore(customers, cache)
        check_trouble(customers, store, "Redis is too slow.")
        slow_proxy.seconds_per_byte = 0
        check_recovery(store)


def test_a_dripping_redis_keeps_no_thread(customers: Warehouse, slow_proxy: SlowProxy):
    """Each byte is in time for the socket, so that only closing the connection ends the wait for the answer."""
    slow_proxy.seconds_per_byte = 0.12
    with redis_cache(slow_proxy.url) as cache:
        store = FeatureStore(customers, cache)
        for _ in range(4):
            assert answers(store)[1] < PATIENCE
            time.sleep(RETRY_AFTER)
        assert slow_proxy.connections <= 1
        slow_proxy.seconds_per_byte = 0
        check_recovery(store)


def test_many_threads_meet_a_frozen_redis(customers: Warehouse, redis_server: RedisServer, cache: RedisCache):
    store = FeatureStore(customers, cache)
    right = expected(customers)
    redis_server.pause()
    found: list[bool] = []
    threads = [threading.Thread(target=lambda: found.append(answers(store)[0] == right)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 20
    redis_server.resume()


GARBAGE: dict[str, Callable[[redis.Redis, bytes], object]] = {
    "random bytes": lambda client, key: client.set(key, b"\x93\x01\xff\x00" * 50),
    "nothing": lambda client, key: client.set(key, b""),
    "a list": lambda client, key: (client.delete(key), client.rpush(key, "a")),
    "a hash": lambda client, key: (client.delete(key), client.hset(key, "a", "b")),
    "a number": lambda client, key: client.set(key, 5),
    "features of another shape": lambda client, key: client.set(key, msgpack.packb({"x": 1})),
    "no features at all": lambda client, key: client.set(key, msgpack.packb([1, 2, 3])),
    "half an entry": lambda client, key: client.set(key, client.get(key)[:40]),
    "the entry of another": lambda client, key: client.set(key, client.get(sorted(client.keys())[0])),
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_redis_full_of_garbage(customers: Warehouse, cache: RedisCache, client: redis.Redis, kind: str):
    store = FeatureStore(customers, cache)
    right, _ = answers(store)
    for key in sorted(client.keys())[1:]:
        GARBAGE[kind](client, key)
    found, seconds = answers(store)
    assert found == right
    assert seconds < PATIENCE
    lists_and_hashes_read_as_absent = kind in {"a list", "a hash"}
    assert store.health().trouble == (
        "" if lists_and_hashes_read_as_absent else "2 entries could not be read and were replaced."
    )
    hits = store.health().hits
    assert answers(store)[0] == right
    assert store.health().hits == hits + 3  # replaced by good ones


@pytest.mark.parametrize("url", ["redis://cache:port/0", "redis://:hush@cache/0?socket_timeout=soon", "cache:hush"])
def test_an_unreadable_url_is_refused_without_its_password(url: str):
    with pytest.raises(SettingsError) as refusal:
        RedisCache(url, 60)
    assert "REDIS_URL" in refusal.value.what
    assert "hush" not in str(refusal.value)
