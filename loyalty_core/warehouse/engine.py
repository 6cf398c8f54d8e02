"""What the engines of all databases share: options of the pool, and questions to it and its connections."""

from typing import Any

import sqlalchemy as sa

from loyalty_core.settings import Settings
from loyalty_core.warehouse.time_limit import Interrupt


def engine_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments of `create_engine`: the pool, and errors without values, which may be those of a customer."""
    return {
        "hide_parameters": True,
        "poolclass": sa.QueuePool,
        "pool_size": settings.dwh_pool_size,
        "max_overflow": settings.dwh_pool_size,
        "pool_timeout": settings.dwh_connect_timeout_seconds,
    }


def is_idle(engine: sa.Engine) -> bool:
    """Whether no connection of the pool is in use."""
    return not isinstance(engine.pool, sa.QueuePool) or engine.pool.checkedout() == 0


def interrupt_of(connection: sa.Connection) -> Interrupt | None:
    """The driver's own way to stop the statement that the connection runs."""
    return getattr(connection.connection.dbapi_connection, "interrupt", None)
