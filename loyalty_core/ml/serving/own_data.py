"""Models answer only for the data they were trained on, with each feature read from the column used then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.bundles import Bundle
from loyalty_core.ml.features import Reference
from loyalty_core.warehouse.mapping import resolve_mapping
from loyalty_core.warehouse.source import name_data

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.ml.serving.answers import Models
    from loyalty_core.warehouse import Warehouse

_REMEDY = (
    "Train the models on this warehouse: loyalty train. If they are meant for it as they are, "
    "set ML_TRAINED_ELSEWHERE=true."
)


class ModelsOfOtherData(LoyaltyError):
    """The models were trained on other data, so their answers would mean nothing here."""

    code = "models_of_other_data"


def require_own_data(models: Models, warehouse: Warehouse) -> None:
    """Raise `ModelsOfOtherData` unless the models were trained on this warehouse and read the same columns.

    Versions from before identities were recorded pass, as all do with ML_TRAINED_ELSEWHERE.
    """
    if not isinstance(models, Bundle) or warehouse.settings.ml_trained_elsewhere:
        return
    require_own_training(models.manifest, warehouse)
    if models.manifest.get("data") is None:
        return
    reference = Reference.of(models.manifest)
    before = reference.columns if reference else {}
    mapped = resolve_mapping(warehouse.settings.ml_feature_mapping, warehouse.features.columns.keys())
    changed = [
        f"{feature.name} from {feature.column}, at training from {before[feature.name]}"
        for feature in mapped
        if feature.column and before.get(feature.name) not in {None, feature.column}
    ]
    if changed:
        raise ModelsOfOtherData(
            f"The model version {models.version} was trained on other columns.",
            f"ML_FEATURE_MAPPING now reads {'; '.join(changed)}.",
            _REMEDY,
        )


def is_of_other_data(manifest: Mapping[str, Any], warehouse: Warehouse) -> bool:
    """Whether a version does not exist for this warehouse, as it was trained on other data."""
    data = manifest.get("data")
    if data is None or warehouse.settings.ml_trained_elsewhere:
        return False
    return data != warehouse.identity.warehouse


def require_own_training(manifest: Mapping[str, Any], warehouse: Warehouse) -> None:
    """Raise `ModelsOfOtherData` for a version that was trained on other data, by its manifest alone."""
    if is_of_other_data(manifest, warehouse):
        raise ModelsOfOtherData(
            f"The model version {manifest['version']} was trained on other data.",
            f"It learned from {manifest.get('trained_on') or 'another warehouse'}.",
            _REMEDY,
        )


def other_training_data(manifest: Mapping[str, Any], warehouse: Warehouse) -> str:
    """Whose data a version was trained on, where that was not this warehouse's; empty where it was.

    By the identity of the data, and by its name for versions from before identities were recorded.
    """
    name, data = manifest.get("trained_on", ""), manifest.get("data")
    if data is None:
        return name if name != name_data(warehouse) else ""
    return "" if data == warehouse.identity.warehouse else name or "another warehouse"
