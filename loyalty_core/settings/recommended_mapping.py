"""The mapping that the maker of an embedded warehouse recommends, in a file beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_settings import PydanticBaseSettingsSource

from loyalty_core.errors import SettingsError
from loyalty_core.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo

_DUCKDB = "duckdb:///"


def recommended_mapping_file(warehouse: Path) -> Path:
    """Where the mapping for this DuckDB file is: beside it, so that the two stay together."""
    return warehouse.with_name(f"{warehouse.stem}.mapping.json")


def recommend_mapping(warehouse: Path, mapping: Mapping[str, str | list[str]]) -> None:
    """Have the models learn from these columns (feature → column) where no setting names others."""
    replace_file(recommended_mapping_file(warehouse), json.dumps(mapping, indent=2).encode() + b"\n")


class RecommendedMapping(PydanticBaseSettingsSource):
    """Yields the file's mapping and its size, unless a source that comes before it sets either of them."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Required by the base class; `__call__` reads both fields at once."""
        return field.default, field_name, False

    def __call__(self) -> dict[str, Any]:
        before = self.current_state
        if not before.keys().isdisjoint({"ml_feature_mapping", "ml_model_input_size"}):
            return {}
        url = str(before.get("dwh_url") or self.settings_cls.model_fields["dwh_url"].default)
        if not url.startswith(_DUCKDB):
            return {}
        file = recommended_mapping_file(Path(url.removeprefix(_DUCKDB)))
        try:
            mapping = json.loads(file.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"{file} cannot be read: {error}.", remedy="Remove it, and set ML_FEATURE_MAPPING if you need another."
            ) from error
        return {"ml_feature_mapping": mapping, "ml_model_input_size": len(mapping)}
