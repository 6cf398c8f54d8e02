"""System health: every part checked, one line each, with a remedy where something is wrong."""

from loyalty_core.health.check import Check, Status
from loyalty_core.health.events import events_checks
from loyalty_core.health.models import models_checks
from loyalty_core.health.operation import cache_check, load_checks, store_check, version_check
from loyalty_core.health.sending import sending_checks
from loyalty_core.health.warehouse import connection_check, mapping_checks, warehouse_checks
from loyalty_core.services import Services

__all__ = ["Check", "Status", "check_health", "check_readiness"]


def check_health(services: Services) -> list[Check]:
    """Check warehouse, view, mapping, models, monitoring, cache, store, events, sending, load, versions."""
    return [
        *warehouse_checks(services.warehouse),
        *mapping_checks(services.warehouse),
        *models_checks(services),
        cache_check(services.features),
        store_check(services),
        *events_checks(services),
        *sending_checks(services),
        *load_checks(services.limits),
        version_check(),
    ]


def check_readiness(services: Services) -> list[Check]:
    """Check only what every request needs, the warehouse and the state store; never raises."""
    return [connection_check(services.warehouse.health()), store_check(services)]
