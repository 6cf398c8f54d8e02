"""Caches: the answers are the warehouse's whatever happens to Redis, which is not waited for."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import msgpack
import pytest
import redis

from loyalty_core.errors import SettingsError
from loyalty_core.warehouse import FeatureStore, RestrictedWarehouse, Restriction
from loyalty_core.warehouse.customers import MemoryCache
from loyalty_core.warehouse.customers.redis_cache import RedisCache
from tests.fixtures.warehouses import CUSTOMERS
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import DuckDBFile
    from tests.servers import RedisServer

AN_HOUR = 3600.0
# The limits of the product, for tests of a Redis that is too slow; a busy machine is too slow for them now and then.
SHORT = {"read_seconds": 0.15, "write_seconds": 0.1}


@pytest.fixture
def customers(duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """The four customers in DuckDB, with everything reflected and warm."""
    duckdb_file.execute(CUSTOMERS)
    warehouse = open_warehouse(duckdb_file.url)
    FeatureStore(warehouse, MemoryCache(1, 60)).get("C1")
    return warehouse


@contextmanager
def redis_cache(url: str, **limits: float) -> Iterator[RedisCache]:
    """A cache that has all the time it needs, and asks Redis again soon after a failure, but for `limits`."""
    limits = {"read_seconds": 60.0, "write_seconds": 60.0, "retry_after_seconds": 0.05} | limits
    cache = RedisCache(url, 60, **limits)
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


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands that were to be sent to a Redis, in order."""
    commands: list[str] = []
    execute = redis.Redis.execute_command

    def record(client: redis.Redis, *arguments: Any, **options: Any) -> Any:
        commands.append(arguments[0])
        return execute(client, *arguments, **options)

    monkeypatch.setattr(redis.Redis, "execute_command", record)
    return commands


def answers(store: FeatureStore) -> dict[str, object]:
    """Three customers."""
    return dict(store.get_many(["C1", "C2", "C3", "X"]))


def expected(warehouse: Warehouse) -> dict[str, object]:
    return dict(FeatureStore(warehouse, MemoryCache(10, 60)).get_many(["C1", "C2", "C3", "X"]))


def test_memory_forgets_after_the_time_to_live():
    now = 0.0
    cache = MemoryCache(10, ttl_seconds=1, clock=lambda: now)
    cache.set_many({"a": {"x": 1}})
    now = 0.9
    assert cache.get_many(["a"]) == {"a": {"x": 1}}
    now = 1.1
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
    first = answers(store)
    second = answers(store)
    assert first == second == expected(customers)
    assert {type(value) for value in second["C1"].values()} == {type(value) for value in first["C1"].values()}
    health = store.health()
    assert (health.kind, health.hits, health.misses, health.trouble) == ("redis", 3, 5, "")


def test_redis_is_shared_by_processes_and_expires(customers: Warehouse, redis_server: RedisServer, client: redis.Redis):
    with redis_cache(redis_server.url) as one, redis_cache(redis_server.url) as other:
        FeatureStore(customers, one).get("C1")
        FeatureStore(customers, other).get("C1")
        assert other.health().hits == 1
        (key,) = client.keys("loyalty:features:*")
        assert 0 < client.ttl(key) <= 60


def test_redis_forgets_invalidated_customers(customers: Warehouse, cache: RedisCache, client: redis.Redis):
    store = FeatureStore(customers, cache)
    store.get_many(["C1", "C2"])
    assert store.invalidate(["C1"]) == 1
    assert len(client.keys("loyalty:features:*")) == 1
    assert store.invalidate([]) == 0


def test_redis_forgets_customers_whom_another_process_cached_for_another_scope(
    customers: Warehouse, redis_server: RedisServer, client: redis.Redis
):
    masked = RestrictedWarehouse(customers, Restriction(None, hides_personal_data=True))
    with redis_cache(redis_server.url) as one, redis_cache(redis_server.url) as other:
        FeatureStore(masked, one).get("C1")
        assert FeatureStore(customers, other).invalidate(["C1"]) == 1
    assert client.keys("loyalty:features:*") == []


def test_redis_forgets_all_customers_and_nothing_else(customers: Warehouse, cache: RedisCache, client: redis.Redis):
    store = FeatureStore(customers, cache)
    store.get_many(["C1", "C2", "C3"])
    client.set("of another program", "stays")
    assert store.invalidate_all() == 3
    assert set(client.keys()) == {b"of another program", b"loyalty:feature-prefixes"}
    assert store.invalidate_all() == 0


def test_redis_keys_change_with_the_data(customers: Warehouse, cache: RedisCache, duckdb_file: DuckDBFile):
    store = FeatureStore(customers, cache)
    assert store.get("C1")["city"] == "Oslo"
    duckdb_file.execute("UPDATE customers SET city = 'Tromsø'")
    assert store.get("C1")["city"] == "Tromsø"


def test_values_that_redis_cannot_store_are_read_each_time(cache: RedisCache, client: redis.Redis):
    cache.set_many({"a": {"x": object()}, "b": {"x": 1}})
    assert client.keys() == [b"b"]


def check_trouble(customers: Warehouse, url: str, asked: list[str], trouble: str, **limits: float) -> None:
    """The answers are right, health reports the trouble, and Redis is asked once until it is time to try again."""
    right = expected(customers)
    with redis_cache(url, retry_after_seconds=AN_HOUR, **limits) as cache:
        store = FeatureStore(customers, cache)
        asked.clear()
        for _ in range(5):
            assert answers(store) == right
            assert trouble in store.health().trouble
        wait_until(lambda: asked)  # a thread does it
        assert asked == ["MGET"]


def check_recovery(store: FeatureStore) -> None:
    """Redis serves again, and health reports no trouble any more."""
    before = store.health().hits

    def has_recovered() -> bool:
        answers(store)
        health = store.health()
        return health.hits > before and health.trouble == ""

    wait_until(has_recovered)


def test_redis_down_and_back(customers: Warehouse, redis_server: RedisServer, cache: RedisCache, asked: list[str]):
    store = FeatureStore(customers, cache)
    right = answers(store)
    redis_server.stop()
    check_trouble(customers, redis_server.url, asked, "Redis does not answer: ")
    assert answers(store) == right
    assert "Redis does not answer: " in store.health().trouble
    redis_server.start()
    check_recovery(store)


def test_redis_frozen_and_back(customers: Warehouse, redis_server: RedisServer, asked: list[str]):
    with redis_cache(redis_server.url, **SHORT) as cache:
        store = FeatureStore(customers, cache)
        right = answers(store)
        redis_server.pause()
        check_trouble(customers, redis_server.url, asked, "Redis is too slow.", **SHORT)
        assert answers(store) == right
        assert store.health().trouble == "Redis is too slow."
        redis_server.resume()
        check_recovery(store)


def test_redis_never_there(customers: Warehouse, asked: list[str]):
    check_trouble(customers, "redis://127.0.0.1:1/0", asked, "Redis does not answer: ")


def test_redis_with_a_wrong_password(
    customers: Warehouse, redis_server: RedisServer, client: redis.Redis, asked: list[str]
):
    client.config_set("requirepass", "right")
    url = redis_server.url.replace("://", "://:hush@")
    check_trouble(customers, url, asked, "Redis does not answer: ")
    with redis_cache(url) as cache:
        store = FeatureStore(customers, cache)
        answers(store)
        assert "hush" not in store.health().trouble


class SlowProxy:
    """A TCP proxy before Redis; while it is `dripping`, each answer comes byte by byte and never ends."""

    def __init__(self, port: int) -> None:
        self.dripping = True
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
            threading.Thread(target=self._ask, args=(near, far), daemon=True).start()
            threading.Thread(target=self._answer, args=(far, near), daemon=True).start()

    def _ask(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := near.recv(65_536):
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)
        self.connections -= 1

    def _answer(self, far: socket.socket, near: socket.socket) -> None:
        with suppress(OSError):
            while data := far.recv(65_536):
                if self.dripping:
                    self._drip(near)
                    break
                near.sendall(data)
            near.shutdown(socket.SHUT_RDWR)

    def _drip(self, near: socket.socket) -> None:
        near.sendall(b"$1000000000\r\n")
        while self.dripping:
            near.sendall(b"x")
            time.sleep(0.01)  # each byte is in time for the timeout of the socket


@pytest.fixture
def slow_proxy(redis_server: RedisServer) -> Iterator[SlowProxy]:
    with closing(SlowProxy(redis_server.port)) as proxy:
        yield proxy


def test_redis_dripping_and_back(customers: Warehouse, slow_proxy: SlowProxy, asked: list[str]):
    check_trouble(customers, slow_proxy.url, asked, "Redis is too slow.", **SHORT)
    with redis_cache(slow_proxy.url, **SHORT) as cache:
        store = FeatureStore(customers, cache)
        answers(store)
        assert store.health().trouble == "Redis is too slow."
        slow_proxy.dripping = False
        check_recovery(store)


def test_a_dripping_redis_holds_no_thread(customers: Warehouse, slow_proxy: SlowProxy):
    """Each byte is in time for the socket, so that only closing the connection ends the wait for the answer."""
    with redis_cache(slow_proxy.url, **SHORT) as cache:
        store = FeatureStore(customers, cache)
        right = expected(customers)
        for _ in range(10):  # more often than the cache has threads
            assert answers(store) == right
        # A thread that was slow to begin connects after the others were disconnected; the next failure frees it.
        wait_until(lambda: answers(store) == right and slow_proxy.connections == 0)
        slow_proxy.dripping = False
        check_recovery(store)


def test_many_threads_meet_a_frozen_redis(customers: Warehouse, redis_server: RedisServer):
    right = expected(customers)
    redis_server.pause()
    with redis_cache(redis_server.url, retry_after_seconds=AN_HOUR, **SHORT) as cache:
        store = FeatureStore(customers, cache)
        found: list[bool] = []
        threads = [threading.Thread(target=lambda: found.append(answers(store) == right)) for _ in range(20)]
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
    "the entry of another": lambda client, key: client.set(
        key, client.get(sorted(client.keys("loyalty:features:*"))[0])
    ),
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_redis_full_of_garbage(customers: Warehouse, cache: RedisCache, client: redis.Redis, kind: str):
    store = FeatureStore(customers, cache)
    right = answers(store)
    for key in sorted(client.keys("loyalty:features:*"))[1:]:
        GARBAGE[kind](client, key)
    assert answers(store) == right
    lists_and_hashes_read_as_absent = kind in {"a list", "a hash"}
    assert store.health().trouble == (
        "" if lists_and_hashes_read_as_absent else "2 entries could not be read and were replaced."
    )
    hits = store.health().hits
    assert answers(store) == right
    assert store.health().hits == hits + 3  # replaced by good ones


@pytest.mark.parametrize("url", ["redis://cache:port/0", "redis://:hush@cache/0?socket_timeout=soon", "cache:hush"])
def test_an_unreadable_url_is_refused_without_its_password(url: str):
    with pytest.raises(SettingsError) as refusal:
        RedisCache(url, 60)
    assert "REDIS_URL" in refusal.value.what
    assert "hush" not in str(refusal.value)
