"""What a training hands over to be written as a bundle."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import numpy.typing as npt

    from loyalty_core.ml.features import FeatureContract


@dataclass(frozen=True)
class ModelPart:
    """One trained model and the record of its training.

    `golden_inputs` (rows, width) are encoded and unscaled, `golden_outputs` (rows, outputs) the model's outputs for
    them; `offers` are the offer ids in the order of the outputs, empty for a binary model. `findings` are what was
    found in its history, each a `ml.tasks.Finding` as JSON.
    """

    tflite: bytes
    golden_inputs: npt.NDArray[Any]
    golden_outputs: npt.NDArray[Any]
    trained_at: datetime
    metrics: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, Any] = field(default_factory=dict)
    window: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    offers: tuple[int, ...] = ()
    findings: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class BundleParts:
    """Everything that `write_bundle` writes into a bundle.

    `scaler` is the pickle of a fitted StandardScaler, `models` are by task name, `background` (rows, width) are encoded
    and unscaled training rows against which predictions are explained. `trained_on` names the data as
    `warehouse.source.name_data` does, `data` is its `DataIdentity.warehouse`, `reference` is a
    `ml.features.Reference` as JSON. `left_out` says, by name, why other models are not part of it.
    """

    contract: FeatureContract
    scaler: bytes
    models: Mapping[str, ModelPart]
    background: npt.NDArray[Any]
    feature_mapping: Mapping[str, Any]
    trained_by: str
    trained_on: str = ""
    data: str | None = None
    libraries: Mapping[str, str] = field(default_factory=dict)
    reference: Mapping[str, Any] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
