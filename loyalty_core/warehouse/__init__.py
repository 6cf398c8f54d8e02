"""Customer data in the warehouse: read only, counted there, never loaded whole."""

from loyalty_core.warehouse.columns import Column
from loyalty_core.warehouse.connection import Warehouse
from loyalty_core.warehouse.customers import FeatureStore
from loyalty_core.warehouse.refusals import GroupsOnly, GroupTooSmall, NeedsEveryCustomer, ScopeUnusable
from loyalty_core.warehouse.restricted import RestrictedWarehouse, check_scope
from loyalty_core.warehouse.restriction import Restriction, restriction_of

__all__ = [
    "Column",
    "FeatureStore",
    "GroupTooSmall",
    "GroupsOnly",
    "NeedsEveryCustomer",
    "RestrictedWarehouse",
    "Restriction",
    "ScopeUnusable",
    "Warehouse",
    "check_scope",
    "restriction_of",
]
