"""Settings from the file `loyalty.toml`."""

import tomllib
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, TomlConfigSettingsSource

from loyalty_core.errors import SettingsError
from loyalty_core.names import nearest_names


class LoyaltyToml(TomlConfigSettingsSource):
    """Names in either case; unknown names are rejected, so that typos do not go unnoticed."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        self._known = settings_cls.model_fields  # before the base class, which reads the file
        super().__init__(settings_cls)

    def _read_file(self, file_path: Path | Traversable) -> dict[str, Any]:
        try:
            values = {name.lower(): value for name, value in tomllib.loads(file_path.read_text("utf-8")).items()}
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise SettingsError(f"{file_path.name} cannot be read: {error}.") from None
        for name in values:
            if name not in self._known:
                nearest = nearest_names(name, self._known)
                raise SettingsError(
                    f"{file_path.name} has a setting {name!r} that does not exist.",
                    remedy=f"Did you mean {nearest[0]!r}?" if nearest else "docs/settings.md lists all settings.",
                )
        return values
