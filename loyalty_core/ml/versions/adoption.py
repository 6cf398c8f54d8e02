"""Adopting model files that were made elsewhere: nbo.tflite, churn.tflite and scaler.pkl without a manifest.

The manifest of a version says which features its models take, in which order. For files without one, that is taken
from ML_FEATURE_MAPPING, so everything that can be checked is checked before they become a version.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from loyalty_core.ml.bundles import (
    BundleError,
    BundleParts,
    ModelNotFound,
    ModelPart,
    Scaler,
    read_scaler,
    write_bundle,
)
from loyalty_core.ml.bundles.files import SCALER_FILE, read_file
from loyalty_core.ml.bundles.scaler import UnsafePickle
from loyalty_core.ml.features import FeatureContract, InputFeature, ModelInputs, require_input_size
from loyalty_core.ml.litert.model import ModelUnreadable, TfliteModel
from loyalty_core.ml.litert.sandbox import ModelCheckFailed, check_models
from loyalty_core.ml.tasks import TASKS, ChoiceTask

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from loyalty_core.ml.tasks import ModelTask
    from loyalty_core.warehouse import Warehouse

    FloatRows = npt.NDArray[np.float32]

_GOLDEN_ROWS = 16
_BACKGROUND_ROWS = 64
# Of probabilities that should add up to 1, as single precision gives them.
_TOLERANCE = 1e-3


def adopt(warehouse: Warehouse, by: str, offers: Sequence[int] | None = None) -> str:
    """Make a version of the plain files for this warehouse's data, without activating it; returns its name.

    `offers` are the offer ids in the order of the offer model's outputs, by default 1, 2, 3, … Raises `BundleError`
    naming the file that is missing or fails a check, `FeatureCountMismatch`, and what the warehouse raises.
    """
    models_dir, settings = warehouse.settings.models_dir, warehouse.settings
    require_input_size(settings)
    scaler_content = _content(models_dir, SCALER_FILE)
    scaler = _scaler(scaler_content)
    inputs = ModelInputs(warehouse, settings)
    contract = _contract(inputs, scaler)
    rows = _customers(warehouse, inputs, contract)
    contents = {
        name: _content(models_dir, task.file) for name, task in TASKS.items() if (models_dir / task.file).exists()
    }
    if not contents:
        raise ModelNotFound(models_dir / next(iter(TASKS.values())).file)
    golden = rows[:_GOLDEN_ROWS]
    scaled = scaler.transform(golden)
    try:
        check_models({name: (content, scaled) for name, content in contents.items()})
    except ModelCheckFailed as error:
        name = TASKS[error.model].file if error.model in TASKS else "A model"
        raise BundleError(f"{name} cannot be opened.", error.why) from None
    models = {
        name: _part(TASKS[name], models_dir, content, golden, scaled, offers) for name, content in contents.items()
    }
    parts = BundleParts(
        contract=contract,
        scaler=scaler_content,
        models=models,
        background=rows,
        feature_mapping=dict(settings.ml_feature_mapping),
        trained_by=f"adopted by {by}",
        data=warehouse.identity.warehouse,
    )
    return write_bundle(models_dir, parts)


def _content(models_dir: Path, name: str) -> bytes:
    try:
        return read_file(models_dir / name)
    except FileNotFoundError:
        raise BundleError(
            f"{models_dir / name} is missing.", remedy="Put all files of the models into that folder, then adopt them."
        ) from None


def _scaler(content: bytes) -> Scaler:
    try:
        return read_scaler(content)
    except UnsafePickle as error:
        raise BundleError(f"{SCALER_FILE} is refused.", str(error)) from None


def _contract(inputs: ModelInputs, scaler: Scaler) -> FeatureContract:
    """The mapped features in their order; a blank is replaced by the scaler's mean, since medians are not known."""
    kinds = inputs.kinds
    if texts := [name for name, kind in kinds.items() if kind == "text"]:
        raise BundleError(
            f"The feature {texts[0]!r} is a text, and the files do not say how texts were encoded.",
            remedy="Map only numbers and booleans in ML_FEATURE_MAPPING, or train here.",
        )
    if len(scaler.mean) != len(kinds):
        raise BundleError(
            f"{SCALER_FILE} scales {len(scaler.mean)} inputs, but ML_FEATURE_MAPPING has {len(kinds)} features.",
            remedy="Map the features that the models were trained on, in the order of their training.",
        )
    means = scaler.mean.tolist()
    return FeatureContract(
        tuple(
            InputFeature(name, kind, float(mean >= 0.5) if kind == "boolean" else mean)
            for (name, kind), mean in zip(kinds.items(), means, strict=True)
        )
    )


def _customers(warehouse: Warehouse, inputs: ModelInputs, contract: FeatureContract) -> FloatRows:
    """Some customers, encoded, to try the models on."""
    view = warehouse.features
    columns = [view.c[column] for column in dict.fromkeys(inputs.columns.values())]
    select = view.select().with_only_columns(*columns).limit(_BACKGROUND_ROWS)
    rows = inputs.encode_batch(contract, warehouse.fetch_arrow(select)).values
    if not len(rows):
        raise BundleError("The features view has no customers to check the models with.", remedy="Load the view first.")
    return rows


def _part(
    task: ModelTask,
    models_dir: Path,
    content: bytes,
    golden: FloatRows,
    scaled: FloatRows,
    offers: Sequence[int] | None,
) -> ModelPart:
    try:
        model = TfliteModel(content)
    except ModelUnreadable as error:
        raise BundleError(f"{task.file} cannot be opened.", str(error)) from None
    if model.width != scaled.shape[1]:
        raise BundleError(f"{task.file} takes {model.width} inputs, but the scaler gives {scaled.shape[1]}.")
    ids = _offers(task, model.outputs, offers)
    answers = model.predict(scaled)
    sums = answers.sum(axis=1)
    if not (np.isfinite(answers).all() and answers.min() >= 0 and answers.max() <= 1 + _TOLERANCE):
        raise BundleError(
            f"{task.file} does not answer with probabilities, but with {answers.min():.3g} to {answers.max():.3g}.",
            remedy="Export it with its last activation: sigmoid for yes or no, softmax for offers.",
        )
    if ids and np.abs(sums - 1).max() > _TOLERANCE:
        raise BundleError(
            f"The scores of {task.file} add up to {sums.min():.3g} to {sums.max():.3g}, not to 1.",
            remedy="Export it with softmax as its last activation.",
        )
    made = datetime.fromtimestamp((models_dir / task.file).stat().st_mtime, UTC)
    return ModelPart(content, golden, answers, made, offers=ids)


def _offers(task: ModelTask, outputs: int, offers: Sequence[int] | None) -> tuple[int, ...]:
    if not isinstance(task, ChoiceTask):
        if outputs != (expected := task.outputs(())):
            raise BundleError(
                f"{task.file} has {outputs} outputs, but a {task.noun} has {expected}: each is a probability."
            )
        return ()
    ids = tuple(offers) if offers else tuple(range(1, outputs + 1))
    if len(ids) != outputs or len(set(ids)) != outputs:
        raise BundleError(
            f"{task.file} has {outputs} outputs, but {len(set(ids))} offers are named.",
            remedy="Name each offer once with --offers, in the order of the outputs: --offers 3,5,8.",
        )
    return ids
