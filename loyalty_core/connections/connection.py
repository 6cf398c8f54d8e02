"""A warehouse that was connected in the app: a folder with its settings, models and predictions."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from loyalty_core.errors import SettingsError
from loyalty_core.files import make_private_file, make_private_folder, remedy_for, write_file
from loyalty_core.settings import CONNECTIONS_FOLDER, connection_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ConnectionKind = Literal["customers", "transactions", "database"]
WAREHOUSE, MODELS, PREDICTIONS = "warehouse.duckdb", "models", "customer_predictions.parquet"
_MAX_NAME = 40


@dataclass(frozen=True)
class Connection:
    """`title` is the name of the file or the address without its password; `id` also names the folder."""

    id: str
    title: str
    kind: ConnectionKind
    created_at: datetime
    created_by: str

    @property
    def folder(self) -> Path:
        return connection_file(self.id).parent


def new_folder(title: str) -> Path:
    """A new, private folder for a connection, named after its title. Raises `SettingsError`."""
    name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:_MAX_NAME] or "data"
    folder = CONNECTIONS_FOLDER / f"{name}-{secrets.token_hex(3)}"
    try:
        make_private_folder(folder)
    except OSError as error:
        raise SettingsError(f"{folder} cannot be made: {error.strerror}.", remedy=remedy_for(error)) from error
    return folder


def write_connection(
    folder: Path, title: str, kind: ConnectionKind, created_by: str, settings: Mapping[str, Any]
) -> Connection:
    """Write the settings that read the warehouse; models and predictions belong to the same folder."""
    connection = Connection(folder.name, title, kind, datetime.now(UTC), created_by)
    content = {
        "title": title,
        "kind": kind,
        "created_at": connection.created_at.isoformat(),
        "created_by": created_by,
        "settings": {
            "models_dir": str(folder / MODELS),
            "predictions_file": str(folder / PREDICTIONS),
            **settings,
        },
    }
    file = connection_file(connection.id)
    make_private_file(file)  # the settings may have a password
    write_file(file, json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n")
    return connection


def read_connections() -> list[Connection]:
    """Those that can be read, newest first."""
    found: list[Connection] = []
    for file in CONNECTIONS_FOLDER.glob("*/connection.json"):
        try:
            content = json.loads(file.read_bytes())
            created_at = datetime.fromisoformat(content["created_at"])
            title, kind, by = content["title"], content["kind"], content["created_by"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        found.append(Connection(file.parent.name, title, kind, created_at, by))
    return sorted(found, key=lambda one: one.created_at, reverse=True)
