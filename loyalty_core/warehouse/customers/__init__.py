"""Single customers: found, read, cached; and the key figures of all."""

from loyalty_core.warehouse.customers.encoding import decode_features, encode_features
from loyalty_core.warehouse.customers.feature_cache import CacheHealth, FeatureCache, Features, MemoryCache
from loyalty_core.warehouse.customers.feature_store import CacheUnavailable, FeatureStore
from loyalty_core.warehouse.customers.ids import id_as_text, read_id, same_id, unrounded
from loyalty_core.warehouse.customers.key_figures import KeyFigures, duplicate_ids, key_figures, top_customers
from loyalty_core.warehouse.customers.search import is_found_by, match_rank, name_columns
from loyalty_core.warehouse.customers.shared import shared_features
from loyalty_core.warehouse.customers.transactions import MonthlySpend, Transactions

__all__ = [
    "CacheHealth",
    "CacheUnavailable",
    "FeatureCache",
    "FeatureStore",
    "Features",
    "KeyFigures",
    "MemoryCache",
    "MonthlySpend",
    "Transactions",
    "decode_features",
    "duplicate_ids",
    "encode_features",
    "id_as_text",
    "is_found_by",
    "key_figures",
    "match_rank",
    "name_columns",
    "read_id",
    "same_id",
    "shared_features",
    "top_customers",
    "unrounded",
]
