"""What the engines of all databases share: options of the pool, and questions to it and its connections."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from loyalty_core.errors import WarehouseUnavailable
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


def file_identity(file: Path) -> tuple[int, ...]:
    """Changes when another file takes its place, or when it is written to; raises `WarehouseUnavailable`."""
    try:
        facts = file.stat()
    except OSError:
        raise WarehouseUnavailable(
            f"The warehouse file {file} does not exist.",
            remedy="Create the demo with make demo, connect your data on the page Connect data, or set DWH_URL.",
        ) from None
    return facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_size
