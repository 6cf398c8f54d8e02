"""The features view today against what it was when a version was trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty_core.errors import LoyaltyError, ViewUnusable
from loyalty_core.ml.bundles import TRAIN
from loyalty_core.ml.features import FeatureDrift, Reference, count_rows
from loyalty_core.warehouse.columns import kind_of
from loyalty_core.warehouse.mapping import resolve_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlalchemy as sa

    from loyalty_core.warehouse import Warehouse


class ReferenceMissing(LoyaltyError):
    """The version does not say what the features were like at its training."""

    code = "no_reference"


def read_drift(warehouse: Warehouse, manifest: Mapping[str, Any]) -> list[FeatureDrift]:
    """Every feature that can be counted, the most drifted first; one statement of aggregates.

    Raises `ReferenceMissing`, and `ViewUnusable` for a view without customers.
    """
    reference = _required(manifest)
    view = warehouse.features
    mapped = resolve_mapping(warehouse.settings.ml_feature_mapping, view.columns.keys())
    columns = {one.name: one.column for one in mapped if one.column is not None and one.name in reference.base}
    now = count_rows(warehouse, view, columns, reference.bins)
    if any(not spread.rows for spread in now.values()):
        raise ViewUnusable("The features view has no customers.", remedy="Load the view, then look again.")
    drift = [
        FeatureDrift(
            name,
            columns[name],
            reference.bins[name],
            reference.base[name],
            spread,
            {model: spreads[name] for model, spreads in reference.training.items()},
        )
        for name, spread in now.items()
    ]
    return sorted(drift, key=lambda one: -one.psi)


def find_changes(warehouse: Warehouse, manifest: Mapping[str, Any]) -> list[str]:
    """What is no longer as at the training in ML_FEATURE_MAPPING and in the mapped columns, a clause for each."""
    mapping, view = warehouse.settings.ml_feature_mapping, warehouse.features
    trained = {feature["name"]: feature["kind"] for feature in manifest["features"]}
    reference = Reference.of(manifest)
    changes = [f"ML_FEATURE_MAPPING has lost {name!r}" for name in trained if name not in mapping]
    for feature in resolve_mapping(mapping, view.columns.keys()):
        before = reference.columns.get(feature.name) if reference else None
        if feature.name not in trained:
            changes.append(f"ML_FEATURE_MAPPING has {feature.name!r}, which the models do not know")
        elif feature.column is None:
            changes.append(f"the features view has lost {' and '.join(feature.candidates)}")
        elif before is not None and feature.column != before:
            changes.append(f"{feature.name!r} is read from {feature.column} now, at training it was {before}")
        elif (found := _kind(view.c[feature.column])) != _merged(trained[feature.name]):
            changes.append(
                f"{feature.column} holds {found}s now, at training it held {_merged(trained[feature.name])}s"
            )
    return changes


def _required(manifest: Mapping[str, Any]) -> Reference:
    reference = Reference.of(manifest)
    if reference is not None and any(spread.rows for spread in reference.base.values()):
        return reference
    why = (
        "Its training could not count the features view."
        if reference
        else "It was trained before versions stored what the features were like."
    )
    raise ReferenceMissing(
        f"The version {manifest['version']} has nothing to compare with.", why, f"Train again, then look again: {TRAIN}"
    )


def _kind(column: sa.ColumnElement[Any]) -> str:
    return _merged(kind_of(column.type))


def _merged(kind: str) -> str:
    """The models read booleans as numbers."""
    return "number" if kind == "boolean" else kind
