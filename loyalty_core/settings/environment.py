"""Settings from environment variables and `.env`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pydantic_settings import PydanticBaseSettingsSource

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_settings import BaseSettings, EnvSettingsSource


class NamedVariables(PydanticBaseSettingsSource):
    """The variables of a source that have the name of a setting, as text.

    The source itself would first examine the types of all settings, which takes longer than the rest of reading them.
    """

    def __init__(self, settings_cls: type[BaseSettings], source: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._variables = cast("EnvSettingsSource", source).env_vars

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Required by the base class; `__call__` reads all fields at once."""
        del field
        return self._variables.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        known = self.settings_cls.model_fields
        return {name: value for name, value in self._variables.items() if name in known and value is not None}
