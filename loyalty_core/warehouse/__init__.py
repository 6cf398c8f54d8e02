"""Customer data in the warehouse: read only, counted there, never loaded whole."""

from loyalty_core.warehouse.catalog import Column
from loyalty_core.warehouse.connection import Warehouse
from loyalty_core.warehouse.features import FeatureStore

__all__ = ["Column", "FeatureStore", "Warehouse"]
