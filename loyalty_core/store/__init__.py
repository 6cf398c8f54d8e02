"""The app's own database: segments, campaigns, training runs and the audit trail."""

from loyalty_core.store.database import StateStore, StoreHealth, shared_store

__all__ = ["StateStore", "StoreHealth", "shared_store"]
