"""Drift of the features view since a version was trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty_core.errors import LoyaltyError, ViewUnusable
from loyalty_core.ml.bundles import TRAIN
from loyalty_core.ml.features import Distribution, FeatureDrift, Reference, count_rows
from loyalty_core.ml.tasks import TASKS
from loyalty_core.warehouse.columns import kind_of
from loyalty_core.warehouse.mapping import resolve_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlalchemy as sa

    from loyalty_core.warehouse import Warehouse


class ReferenceMissing(LoyaltyError):
    """The version has no reference distribution of the features at its training."""

    code = "no_reference"


def read_drift(warehouse: Warehouse, manifest: Mapping[str, Any]) -> list[FeatureDrift]:
    """Drift of every feature that can be counted, largest first; one statement of aggregates.

    Raises `ReferenceMissing`, and `ViewUnusable` for a view without customers.
    """
    reference = _required(manifest)
    view = warehouse.features
    mapped = resolve_mapping(warehouse.settings.ml_feature_mapping, view.columns.keys())
    hidden = warehouse.hidden
    columns = {
        one.name: one.column
        for one in mapped
        if one.column is not None and one.column not in hidden and one.name in reference.base
    }
    now = count_rows(warehouse, view, columns, reference.bins)
    if any(not distribution.rows for distribution in now.values()):
        raise ViewUnusable("The features view has no customers.", remedy="Load the view and try again.")
    drift = [
        FeatureDrift(
            name,
            columns[name],
            reference.bins[name],
            reference.base[name],
            distribution,
            {model: features[name] for model, features in reference.training.items()},
            _learned(reference, name),
        )
        for name, distribution in now.items()
    ]
    return sorted(drift, key=lambda one: -one.psi)


def find_changes(warehouse: Warehouse, manifest: Mapping[str, Any]) -> list[str]:
    """Changes of ML_FEATURE_MAPPING and the mapped columns since training, one clause each."""
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


def _learned(reference: Reference, feature: str) -> Distribution | None:
    """The training rows of the models that learn from customers as they are, not only from those who took something."""
    every = [(model, features[feature]) for model, features in reference.training.items() if feature in features]
    of_base = [rows for model, rows in every if model not in TASKS or TASKS[model].history.taken != "what"]
    found = of_base or [rows for _, rows in every]
    counts = [sum(bins) for bins in zip(*(rows.counts for rows in found), strict=True)]
    return Distribution(tuple(counts)) if any(counts) else None


def _required(manifest: Mapping[str, Any]) -> Reference:
    reference = Reference.of(manifest)
    if reference is not None and any(distribution.rows for distribution in reference.base.values()):
        return reference
    why = (
        "Its training could not count the features view."
        if reference
        else "It was trained before versions stored the distribution of features."
    )
    raise ReferenceMissing(f"Version {manifest['version']} has nothing to compare with.", why, f"Train again: {TRAIN}")


def _kind(column: sa.ColumnElement[Any]) -> str:
    return _merged(kind_of(column.type))


def _merged(kind: str) -> str:
    """Models read booleans as numbers."""
    return "number" if kind == "boolean" else kind
