"""The warehouse that was connected in the app: settings in a file, which every other source of settings overrides."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_settings import PydanticBaseSettingsSource

from loyalty_core.errors import SettingsError
from loyalty_core.settings.database_url import with_driver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo

CONNECTIONS_FOLDER = Path("data/warehouses")
"""A folder for each connected warehouse, with its `connection.json`, models and predictions."""
_MAPPING = {"ml_feature_mapping", "ml_model_input_size"}


def chosen_file() -> Path:
    """Names the connected warehouse: `{"id": "telco-1f2e", "former": null}`; without an id, the default one is used."""
    return CONNECTIONS_FOLDER / "chosen.json"


def connection_file(identifier: str) -> Path:
    """The settings of a connected warehouse, which may have a password: for this account alone."""
    return CONNECTIONS_FOLDER / identifier / "connection.json"


def connection_state() -> tuple[int, int] | None:
    """Changes whenever another warehouse is connected, by whichever process; None before the first time."""
    try:
        facts = chosen_file().stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_mtime_ns


def read_chosen() -> dict[str, Any]:
    """The content of `chosen_file()`; empty before the first time."""
    try:
        return json.loads(chosen_file().read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _unreadable(chosen_file(), error) from error


def connected_settings() -> dict[str, Any]:
    """The settings of the connected warehouse; empty for the default one. Raises `SettingsError`."""
    identifier = read_chosen().get("id")
    return settings_of(identifier) if identifier else {}


def settings_of(identifier: str) -> dict[str, Any]:
    """The settings of a connection. Raises `SettingsError` where they cannot be used now."""
    file = connection_file(identifier)
    try:
        settings: dict[str, Any] = json.loads(file.read_bytes())["settings"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(file, error) from error
    return with_password(settings)


def with_password(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, `dwh_url` with the password that the environment variable `password_variable` has, if one is named.

    Raises `SettingsError` where it is not set.
    """
    values = dict(settings)
    variable = values.pop("password_variable", None)
    if variable is None:
        return values
    password = os.environ.get(variable)
    if password is None:
        raise SettingsError(
            f"The environment variable {variable} is not set.",
            "The connected database takes its password from it.",
            f"Set it and start the app again, or remove {chosen_file()} to return to the default warehouse.",
        )
    url = with_driver(values["dwh_url"]).set(password=password)
    return values | {"dwh_url": url.render_as_string(hide_password=False)}


def _unreadable(file: Path, error: Exception) -> SettingsError:
    return SettingsError(
        f"{file} cannot be read: {error}.",
        "It belongs to the warehouse that was connected in the app.",
        f"Remove {chosen_file()} to return to the default warehouse.",
    )


class ConnectedWarehouse(PydanticBaseSettingsSource):
    """Yields the settings of the connected warehouse, unless a source that comes before it sets `dwh_url`.

    A mapping that is set elsewhere stays in force.
    """

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Required by the base class; `__call__` reads all fields at once."""
        return field.default, field_name, False

    def __call__(self) -> dict[str, Any]:
        before = self.current_state.keys()
        if "dwh_url" in before:
            return {}
        overridden = before | (_MAPPING if before & _MAPPING else set())
        return {name: value for name, value in connected_settings().items() if name not in overridden}
