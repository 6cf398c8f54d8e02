"""Customer data in the warehouse: read only, counted there, never loaded whole."""

from loyalty_core.warehouse.columns import Column
from loyalty_core.warehouse.connection import Warehouse
from loyalty_core.warehouse.customers import FeatureStore

__all__ = ["Column", "FeatureStore", "Warehouse"]
