"""FeatureStore: the features of single customers, from the cache or from the warehouse."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from loyalty_core.errors import CustomerNotFound, LoyaltyError, ViewUnusable
from loyalty_core.settings import Settings
from loyalty_core.telemetry import FEATURE_HITS, FEATURE_MISSES
from loyalty_core.warehouse.connection import Warehouse
from loyalty_core.warehouse.customers.feature_cache import CacheHealth, FeatureCache, Features, MemoryCache
from loyalty_core.warehouse.customers.ids import read_id
from loyalty_core.warehouse.customers.search import is_found_by, match_rank, name_columns


class CacheUnavailable(LoyaltyError):
    """The feature cache does not answer."""

    code = "cache_unavailable"


class FeatureStore:
    """Features as dicts, column name → Python value; NULL and NaN come as None.

    Ids may be passed as text, numbers or UUIDs, whatever the type of the id column.
    """

    def __init__(self, warehouse: Warehouse, cache: FeatureCache | None = None) -> None:
        self._warehouse = warehouse
        self._cache = cache or _cache_from(warehouse.settings)

    def over(self, warehouse: Warehouse) -> "FeatureStore":
        """A store for the same warehouse as someone else sees it, which shares this one's cache."""
        return FeatureStore(warehouse, self._cache)

    def get(self, customer_id: object) -> Features:
        """One customer's features; raises `CustomerNotFound`, or `ViewUnusable` when the id has several rows."""
        self._warehouse.require_rows()  # also where the cache has them
        value = read_id(customer_id, self._warehouse.customer_id.type)
        found = None if value is None else self._get(value)
        if found is None:
            raise CustomerNotFound(
                f"No customer has the id {_shortened(customer_id)}.",
                remedy="Check the id, or search by the first characters, a name or an e-mail address.",
            )
        return found

    def get_many(self, customer_ids: Iterable[object]) -> dict[str, Features]:
        """Features by id as text; unknown ids are left out. One query for all that the cache does not hold."""
        self._warehouse.require_rows()
        kind = self._warehouse.customer_id.type
        values = {str(customer_id): read_id(customer_id, kind) for customer_id in customer_ids}
        keys = self._keys(values.values())
        cached = self._cache.get_many(keys.values())
        found = {value: cached[key] for value, key in keys.items() if key in cached}
        missing = [value for value in keys if value not in found]
        FEATURE_HITS.inc(len(found))
        if missing:
            FEATURE_MISSES.inc(len(missing))
            fresh = self._read_or_reread(missing)
            self._cache.set_many({keys[value]: features for value, features in fresh.items()}, self._prefix())
            found |= fresh
        return {text: found[value] for text, value in values.items() if value in found}

    def cached(self, customer_ids: Iterable[object]) -> dict[str, Features]:
        """Features by id as text, only of customers whom the cache holds; the warehouse is not asked."""
        kind = self._warehouse.customer_id.type
        values = {str(customer_id): read_id(customer_id, kind) for customer_id in customer_ids}
        keys = self._keys(values.values())
        found = self._cache.get_many(keys.values())
        return {text: found[keys[value]] for text, value in values.items() if value in keys and keys[value] in found}

    def refresh(self, customer_ids: Iterable[object]) -> dict[str, Features]:
        """As `get_many`, but from the warehouse whatever the cache holds, and the cache holds the result from then."""
        kind = self._warehouse.customer_id.type
        values = {str(customer_id): read_id(customer_id, kind) for customer_id in customer_ids}
        keys = self._keys(values.values())
        fresh = self._read_or_reread(list(keys)) if keys else {}
        self._cache.set_many({keys[value]: features for value, features in fresh.items()}, self._prefix())
        return {text: fresh[value] for text, value in values.items() if value in fresh}

    def search(self, text: str, limit: int = 20) -> list[Features]:
        """Customers whose id starts with `text`, or whose names contain all its words; the best matches first."""
        text = _searchable(text)
        if not text:
            return []
        view = self._warehouse.features
        identifier = self._warehouse.id_of(view)
        found = sa.select(view).where(is_found_by(text, view, identifier.name))
        rank = match_rank(text, view, identifier.name)
        return self._warehouse.rows(found.order_by(rank, identifier).limit(limit))

    def count_found(self, text: str) -> int:
        """How many customers `search` would find without a limit."""
        text = _searchable(text)
        if not text:
            return 0
        view = self._warehouse.features
        identifier = self._warehouse.id_of(view)
        counted = sa.select(sa.func.count().label("found")).where(is_found_by(text, view, identifier.name))
        return int(self._warehouse.rows(counted.select_from(view))[0]["found"])

    def name_columns(self) -> list[str]:
        """The columns that say who a customer is, for search and headings: full name, e-mail and the like."""
        return name_columns(self._warehouse.features)

    def invalidate(self, customer_ids: Iterable[object]) -> int:
        """Remove cached features, so that the next look-up reads the warehouse; returns how many were cached.

        Raises `CacheUnavailable`.
        """
        kind = self._warehouse.customer_id.type
        keys = self._keys(read_id(customer_id, kind) for customer_id in customer_ids)
        # One customer may be cached once for each scope, also by other processes that share the cache.
        prefixes = self._cache.prefixes()
        gone = None if prefixes is None else [f"{prefix}{value}" for prefix in prefixes for value in keys]
        removed = None if gone is None else self._cache.delete_many(gone)
        return min(self._removed(removed), len(keys))

    def invalidate_all(self) -> int:
        """`invalidate` for every customer."""
        return self._removed(self._cache.clear(_prefix_of(self._warehouse.whole.fingerprint)))

    @property
    def is_shared(self) -> bool:
        """Whether other processes read the same cache, so that what is removed here is removed for them."""
        return self._cache.is_shared

    def health(self) -> CacheHealth:
        """Hit rate and trouble of the cache."""
        return self._cache.health()

    def _get(self, value: Any) -> Features | None:
        """`get_many` for one id as the column holds it, without the work that many need."""
        prefix = self._prefix()
        key = f"{prefix}{value}"
        found = self._cache.get(key)
        if found is not None:
            FEATURE_HITS.inc()
            return found
        FEATURE_MISSES.inc()
        fresh = self._read_or_reread([value])
        if value in fresh:
            self._cache.set_many({key: fresh[value]}, prefix)
        return fresh.get(value)

    def _read_or_reread(self, values: Sequence[Any]) -> dict[Any, Features]:
        try:
            return self._read(values)
        except ViewUnusable:
            return self._read(values)  # a column may have vanished since the view was reflected, which it is now again

    def _read(self, values: Sequence[Any]) -> dict[Any, Features]:
        view = self._warehouse.features
        identifier = self._warehouse.id_of(view)
        condition = self._warehouse.dialect.is_one_of(identifier, values)
        found: dict[Any, Features] = {}
        wanted = set(values)
        for row in self._warehouse.rows(sa.select(view).where(condition)):
            value = read_id(row[identifier.name], identifier.type)
            if value not in wanted:
                continue  # a collation that ignores case found another id
            if value in found:
                raise ViewUnusable(
                    f"The features view has more than one row for customer {_shortened(value)}.",
                    "Every customer must have exactly one row.",
                    "Aggregate or filter in the view; System health shows how many ids are affected.",
                )
            found[value] = row
        return found

    def _keys(self, values: Iterable[Any]) -> dict[Any, str]:
        """Cache keys by id."""
        prefix = self._prefix()
        return {value: f"{prefix}{value}" for value in values if value is not None}

    def _prefix(self) -> str:
        """What the cache keys begin with; it changes with the shape of the view, so that old entries are never read."""
        return _prefix_of(self._warehouse.fingerprint)

    def _removed(self, customers: int | None) -> int:
        if customers is None:
            seconds = self._warehouse.settings.feature_cache_ttl_seconds
            raise CacheUnavailable(
                "The feature cache does not answer, so nothing was removed from it.",
                f"Once it answers again, it may serve the cached features for up to {seconds:,} s.",
                "Check Redis (REDIS_URL), then try again.",
            )
        return customers


def _cache_from(settings: Settings) -> FeatureCache:
    if settings.redis_url:
        # The client is only loaded where there is a Redis: every job would wait for it.
        from loyalty_core.warehouse.customers.redis_cache import RedisCache  # noqa: PLC0415

        return RedisCache(settings.redis_url, settings.feature_cache_ttl_seconds)
    return MemoryCache(settings.feature_cache_max_customers, settings.feature_cache_ttl_seconds)


def _prefix_of(fingerprint: str) -> str:
    return f"loyalty:features:{fingerprint}:"


def _searchable(text: str) -> str:
    """The text without the spaces around it; blank where no id or name can contain it."""
    text = text.strip()
    return text if read_id(text, sa.Text()) is not None else ""


def _shortened(customer_id: object) -> str:
    text = str(customer_id)
    return repr(text if len(text) <= 60 else f"{text[:57]}…")
