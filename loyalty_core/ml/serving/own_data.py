"""Models answer for the data they were trained on: other data, or a feature read from another column, is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.bundles import Bundle
from loyalty_core.ml.features import Reference
from loyalty_core.warehouse.mapping import resolve_mapping

if TYPE_CHECKING:
    from loyalty_core.ml.serving.answers import Models
    from loyalty_core.warehouse import Warehouse

_REMEDY = (
    "Train the models on this warehouse: python train_models_from_dwh.py. If they are meant for it as they are, "
    "set ML_TRAINED_ELSEWHERE=true."
)


class ModelsOfOtherData(LoyaltyError):
    """The active models were trained on other data, so that their answers would mean nothing here."""

    code = "models_of_other_data"


def require_own_data(models: Models, warehouse: Warehouse) -> None:
    """Raise `ModelsOfOtherData` unless the models were trained on this warehouse, each feature from the same column.

    Versions from before identities were recorded pass.
    """
    if not isinstance(models, Bundle) or warehouse.settings.ml_trained_elsewhere:
        return
    trained_on = models.manifest.get("data")
    if trained_on is None:
        return
    if trained_on != warehouse.identity.warehouse:
        raise ModelsOfOtherData(
            f"The model version {models.version} was trained on other data.",
            f"It learned from {models.trained_on or 'another warehouse'}.",
            _REMEDY,
        )
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
