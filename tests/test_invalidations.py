"""What one process removes from its cache of features, others that share the state store remove, too."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from loyalty_core.invalidations import Invalidations, forget_old_invalidations
from loyalty_core.store.invalidations import InvalidationRecord
from loyalty_core.warehouse import FeatureStore
from loyalty_core.warehouse.customers import MemoryCache
from loyalty_core.warehouse.customers.redis_cache import RedisCache

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.store import StateStore
    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import DuckDBFile

CUSTOMERS = ("ann", "bob", "cid")
Process = tuple[FeatureStore, Invalidations]


@pytest.fixture
def warehouse(open_warehouse: Callable[..., Warehouse], duckdb_file: DuckDBFile) -> Warehouse:
    rows = ", ".join(f"('{one}')" for one in CUSTOMERS)
    duckdb_file.execute(f"CREATE TABLE customer_features_view AS SELECT * FROM (VALUES {rows}) AS c(customer_id)")
    return open_warehouse(duckdb_file.url)


@pytest.fixture
def process(warehouse: Warehouse, store: StateStore) -> Callable[[], Process]:
    """Makes what one more process has: a cache of its own, in which all customers are."""

    def make(cache: Any = None) -> Process:
        features = FeatureStore(warehouse, cache or MemoryCache(100, 300))
        features.get_many(CUSTOMERS)
        return features, Invalidations(store, features)

    return make


def announce(store: StateStore, invalidations: Invalidations, ids: list[str] | None) -> None:
    with store.session() as session:
        invalidations.announce(session, ids)


def test_customers_removed_in_one_process_are_removed_in_the_others(process: Callable[[], Process], store: StateStore):
    (here, ours), (there, theirs), (elsewhere, other) = process(), process(), process()
    announce(store, ours, ["ann"])
    for one in (ours, theirs, other):
        one.follow()
    assert set(here.cached(CUSTOMERS)) == set(CUSTOMERS), "whoever announces has removed them before"
    assert set(there.cached(CUSTOMERS)) == set(elsewhere.cached(CUSTOMERS)) == {"bob", "cid"}


def test_each_announcement_is_followed_once(process: Callable[[], Process], store: StateStore):
    (_, ours), (there, theirs) = process(), process()
    announce(store, ours, ["ann"])
    theirs.follow()
    there.get("ann")
    theirs.follow()
    assert "ann" in there.cached(CUSTOMERS)
    announce(store, ours, ["ann", "bob"])
    theirs.follow()
    assert set(there.cached(CUSTOMERS)) == {"cid"}


def test_all_customers_at_once(process: Callable[[], Process], store: StateStore):
    (_, ours), (there, theirs) = process(), process()
    announce(store, ours, None)
    theirs.follow()
    assert not there.cached(CUSTOMERS)


def test_one_that_is_committed_after_a_later_one_is_followed(process: Callable[[], Process], store: StateStore):
    (_, ours), (there, theirs) = process(), process()
    announce(store, ours, ["ann"])
    with store.session() as session:
        (late,) = session.execute(sa.select(InvalidationRecord.id)).one()
        session.execute(sa.update(InvalidationRecord).values(id=late + 5))
    theirs.follow()
    announce(store, ours, ["bob"])
    with store.session() as session:
        session.execute(sa.update(InvalidationRecord).where(InvalidationRecord.id != late + 5).values(id=late))
    theirs.follow()
    assert set(there.cached(CUSTOMERS)) == {"cid"}


def test_what_is_rolled_back_is_not_followed(process: Callable[[], Process], store: StateStore):
    (_, ours), (there, theirs) = process(), process()
    with store.session() as session:
        ours.announce(session, ["ann"])
        session.rollback()
    theirs.follow()
    assert "ann" in there.cached(CUSTOMERS)


def test_nothing_is_written_where_the_cache_is_shared(
    process: Callable[..., Process], store: StateStore, redis_url: str
):
    (_, ours), (_, theirs) = process(RedisCache(redis_url, 300)), process(RedisCache(redis_url, 300))
    announce(store, ours, ["ann"])
    theirs.follow()
    with store.session(read_only=True) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(InvalidationRecord)) == 0


def test_they_are_forgotten_after_a_day(process: Callable[[], Process], store: StateStore):
    _, ours = process()
    announce(store, ours, ["ann"])
    announce(store, ours, ["bob"])
    with store.session() as session:
        first = session.scalars(sa.select(InvalidationRecord).order_by(InvalidationRecord.id)).first()
        assert first is not None
        first.at -= timedelta(days=1, minutes=1)
        session.flush()
        forget_old_invalidations(session)
    with store.session(read_only=True) as session:
        assert list(session.scalars(sa.select(InvalidationRecord.customer_ids))) == [["bob"]]
