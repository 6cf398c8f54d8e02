"""The warehouse and its features that services built without arguments share."""

from loyalty_core.settings import Settings, get_settings
from loyalty_core.warehouse.connection import Warehouse
from loyalty_core.warehouse.customers.feature_store import FeatureStore

_shared: tuple[Settings, Warehouse, FeatureStore] | None = None


def shared_features() -> tuple[Warehouse, FeatureStore]:
    """The warehouse shared by all services built without arguments, for as long as the settings are the same."""
    global _shared  # noqa: PLW0603
    settings = get_settings()
    if _shared is None or _shared[0] is not settings:
        warehouse = Warehouse(settings)
        _shared = settings, warehouse, FeatureStore(warehouse)
    return _shared[1:]
