"""The app's own database: segments, campaigns, training runs and the audit trail."""

from loyalty_core.store.database import StateStore, StoreHealth
from loyalty_core.store.errors import BackupFailed
from loyalty_core.store.shared import prepare_store, shared_store

__all__ = ["BackupFailed", "StateStore", "StoreHealth", "prepare_store", "shared_store"]
