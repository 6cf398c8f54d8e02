"""Runs the migrations on the connection that loyalty_core.store.schema hands over."""

from typing import Any, Literal

from alembic import context

from loyalty_core.store.base import UtcDateTime
from loyalty_core.store.models import metadata


def render_item(kind: str, item: Any, _autogenerate: object) -> str | Literal[False]:
    """Keep migrations free of the app's own types, which may change after a migration is written."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    render_item=render_item,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
