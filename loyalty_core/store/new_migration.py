"""Drafts the migration for a change of the models: python -m loyalty_core.store.new_migration "add segments"."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command

from loyalty_core.store import schema
from loyalty_core.store.dialects import dialect_of, read_url


def draft(title: str) -> None:
    """Write the next numbered file in migrations/versions, from the differences between models and migrations."""
    number = f"{len(schema.revisions()) + 1:04d}"
    with tempfile.TemporaryDirectory() as folder:
        url = read_url(f"sqlite:///{Path(folder) / 'draft.db'}")
        engine = dialect_of(url).open_engine(url, timeout_seconds=1)
        try:
            if schema.revisions():
                schema.upgrade(url)
            with engine.begin() as connection:
                config = schema.alembic_config(connection)
                command.revision(config, title, autogenerate=True, rev_id=number)
        finally:
            engine.dispose()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit('usage: python -m loyalty_core.store.new_migration "what changes"')
    draft(sys.argv[1])
