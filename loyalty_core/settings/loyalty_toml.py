"""Settings from the file `loyalty.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_settings import PydanticBaseSettingsSource

from loyalty_core.errors import SettingsError
from loyalty_core.names import nearest_names

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_FILE = Path("loyalty.toml")


class LoyaltyToml(PydanticBaseSettingsSource):
    """Names in either case; unknown names are rejected, so that typos do not go unnoticed."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Required by the base class; `__call__` reads all fields at once."""
        return field.default, field_name, False

    def __call__(self) -> dict[str, Any]:
        if not _FILE.is_file():
            return {}
        try:
            values = {name.lower(): value for name, value in tomllib.loads(_FILE.read_text("utf-8")).items()}
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise SettingsError(f"{_FILE} cannot be read: {error}.") from None
        known = self.settings_cls.model_fields
        for name in values:
            if name not in known:
                nearest = nearest_names(name, known)
                raise SettingsError(
                    f"{_FILE} has a setting {name!r} that does not exist.",
                    remedy=f"Did you mean {nearest[0]!r}?" if nearest else "docs/settings.md lists all settings.",
                )
        return values
