"""A model bundle: the models of a version with their scaler and feature contract, opened only if every check passes.

Opening checks, in this order: the manifest's digest, the digest of every file, the scaler against an allow-list, the
models in a child process, and the golden rows, whose outputs were recorded at training.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.bundles.files import (
    ACTIVATE,
    MANIFEST_FILE,
    SCALER_FILE,
    TRAIN,
    ActiveVersion,
    BundleError,
    ManifestMissing,
    ModelNotFound,
    copied_files,
    digest_mismatch,
    list_versions,
    read_active,
    read_file,
    read_manifest,
    required_file,
    sha256,
    version_folder,
)
from loyalty_core.ml.bundles.parts import ModelPart
from loyalty_core.ml.bundles.scaler import Scaler, UnsafePickle, read_scaler
from loyalty_core.ml.features import FeatureContract
from loyalty_core.ml.litert.model import ModelUnreadable, TfliteModel
from loyalty_core.ml.litert.sandbox import ModelCheckFailed, check_models
from loyalty_core.ml.tasks import NBO, TASKS

FloatRows = npt.NDArray[np.float32]

# On different processors, LiteRT's outputs differ by a few units in the seventh digit.
_TOLERANCE = 1e-4

_checked: set[str] = set()


@dataclass(frozen=True, eq=False)
class Bundle:
    """An opened version; thread-safe."""

    version: str
    manifest: dict[str, Any]
    contract: FeatureContract
    scaler: Scaler
    scaler_content: bytes
    models: dict[str, TfliteModel]
    background: FloatRows
    is_mock: bool = False

    @property
    def trained_on(self) -> str:
        """The name of the data that the models were trained on; empty when not known."""
        return self.manifest.get("trained_on", "")

    def has(self, name: str) -> bool:
        """Whether the version includes this model."""
        return name in self.models

    def offers(self, name: str) -> tuple[int, ...]:
        """Offer ids in the order of a model's scores; empty for a binary model, and without the model."""
        return tuple(self.manifest["models"][name]["offers"]) if self.has(name) else ()

    def scores(self, name: str, encoded: FloatRows) -> FloatRows:
        """A model's probabilities (rows, outputs) for encoded, unscaled float32 (rows, width).

        Raises `ModelNotFound` when the version lacks the model, and `BundleError` when an output is not finite.
        """
        scores = self.require(name).predict(self.scaler.transform(encoded))
        if not np.isfinite(scores).all():
            raise BundleError(
                f"{TASKS[name].file} of version {self.version} returned a score that is not a number.",
                remedy="Check the feature values in the warehouse, or train again.",
            )
        return scores

    def require(self, name: str) -> TfliteModel:
        """The model with that name; raises `ModelNotFound` when the version lacks it."""
        if model := self.models.get(name):
            return model
        reason = self.manifest.get("left_out", {}).get(name, "")
        why = f"Version {self.version} was trained without it. {reason}".rstrip()
        raise ModelNotFound(Path("models") / TASKS[name].file, why)

    def part(self, name: str) -> ModelPart:
        """A model as it was written, to carry it over into another bundle with the same contract and scaler."""
        model, entry = self.require(name), self.manifest["models"][name]
        return ModelPart(
            tflite=model.content,
            golden_inputs=np.array(entry["golden"]["inputs"], dtype=np.float32),
            golden_outputs=np.array(entry["golden"]["outputs"], dtype=np.float32),
            trained_at=datetime.fromisoformat(entry["trained_at"]),
            metrics=entry["metrics"],
            rows=entry["rows"],
            window=entry["window"],
            options=entry["options"],
            offers=tuple(entry["offers"]),
            findings=entry.get("findings", ()),
        )


def load_bundle(models_dir: Path, version: str | None = None) -> Bundle:
    """Open a version, by default the active one.

    Raises `ModelNotFound` before the first training, `ManifestMissing` for model files without a version, and
    `BundleError`, naming the file, when a check fails.
    """
    if version is not None:
        return open_folder(version_folder(models_dir, version))
    active = read_active(models_dir)
    if active is None:
        if present := [name for name in copied_files() if (models_dir / name).exists()]:
            raise ManifestMissing(models_dir, present)
        raise ModelNotFound(models_dir / NBO.file)
    return open_active(models_dir, active)


def open_active(models_dir: Path, active: ActiveVersion) -> Bundle:
    """Open the version that active.json names, and check the copies beside it."""
    folder = version_folder(models_dir, active.version)
    bundle = open_folder(folder, active.manifest_sha256)
    _check_copies(models_dir, bundle.manifest)
    return bundle


def open_folder(folder: Path, manifest_sha256: str | None = None) -> Bundle:
    """Open the version in a folder; raises `BundleError`, also when the manifest's digest is not the given one."""
    manifest, digest = read_manifest(folder)
    if manifest_sha256 not in {None, digest}:
        raise digest_mismatch(folder, MANIFEST_FILE)
    try:
        return _open(folder, manifest)
    except BundleError:
        raise
    except (LoyaltyError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(
            f"{MANIFEST_FILE} of version {folder.name} does not describe a bundle.",
            f"{type(error).__name__}: {error}",
            f"Train again: {TRAIN}",
        ) from None


def _open(folder: Path, manifest: dict[str, Any]) -> Bundle:
    scaler_content = _verified_file(folder, manifest["scaler"])
    contents = {name: _verified_file(folder, entry) for name, entry in manifest["models"].items()}
    contract = FeatureContract.from_json(manifest["features"])
    scaler = _read_scaler(scaler_content, contract.width, folder)
    golden = {name: _golden_rows(entry, contract.width) for name, entry in manifest["models"].items()}
    _check_in_sandbox(folder, {name: (contents[name], scaler.transform(golden[name][0])) for name in contents})
    models = {name: _open_model(folder, TASKS[name].file, content) for name, content in contents.items()}
    for name, model in models.items():
        _check_golden_rows(folder, name, model, scaler, golden[name])
    for name, entry in manifest["models"].items():
        if models[name].outputs != TASKS[name].outputs(entry["offers"]):
            raise ValueError(f"{models[name].outputs} outputs for the offers {entry['offers']}")
    background = np.array(manifest["background"], dtype=np.float32).reshape(-1, contract.width)
    return Bundle(folder.name.removeprefix("."), manifest, contract, scaler, scaler_content, models, background)


def _verified_file(folder: Path, entry: Mapping[str, str]) -> bytes:
    if entry["file"] not in copied_files():
        raise ValueError(f"{entry['file']!r} is not a file of a bundle")
    content = required_file(folder, entry["file"])
    if sha256(content) != entry["sha256"]:
        raise digest_mismatch(folder, entry["file"])
    return content


def _read_scaler(content: bytes, width: int, folder: Path) -> Scaler:
    try:
        scaler = read_scaler(content)
    except UnsafePickle as error:
        raise BundleError(f"{SCALER_FILE} of version {folder.name} is refused.", str(error)) from None
    if len(scaler.mean) != width:
        raise BundleError(
            f"{SCALER_FILE} of version {folder.name} belongs to another model.",
            f"It scales {len(scaler.mean)} inputs, but the models take {width}.",
        )
    return scaler


def _golden_rows(entry: Mapping[str, Any], width: int) -> tuple[FloatRows, FloatRows]:
    inputs, outputs = (np.array(entry["golden"][side], dtype=np.float32) for side in ("inputs", "outputs"))
    if inputs.ndim != 2 or inputs.shape[1] != width or outputs.ndim != 2 or not 0 < len(inputs) == len(outputs):
        raise ValueError(f"golden rows of shape {inputs.shape} → {outputs.shape}")
    return inputs, outputs


def _check_in_sandbox(folder: Path, models: Mapping[str, tuple[bytes, FloatRows]]) -> None:
    unknown = {name: model for name, model in models.items() if sha256(model[0]) not in _checked}
    if not unknown:
        return
    try:
        check_models(unknown)
    except ModelCheckFailed as error:
        name = TASKS[error.model].file if error.model in TASKS else "A model"
        raise BundleError(f"{name} of version {folder.name} cannot be opened.", error.why) from None
    _checked.update(sha256(content) for content, _ in unknown.values())


def _open_model(folder: Path, file: str, content: bytes) -> TfliteModel:
    try:
        return TfliteModel(content)
    except ModelUnreadable as error:
        raise BundleError(f"{file} of version {folder.name} cannot be opened.", str(error)) from None


def _check_golden_rows(
    folder: Path, name: str, model: TfliteModel, scaler: Scaler, golden: tuple[FloatRows, FloatRows]
) -> None:
    inputs, expected = golden
    if model.width != inputs.shape[1] or model.outputs != expected.shape[1]:
        raise BundleError(
            f"{TASKS[name].file} of version {folder.name} belongs to another bundle.",
            f"It has {model.width} inputs and {model.outputs} outputs; "
            f"the manifest says {inputs.shape[1]} and {expected.shape[1]}.",
        )
    scores = model.predict(scaler.transform(inputs))
    if not np.allclose(scores, expected, rtol=0, atol=_TOLERANCE):
        raise BundleError(
            f"{TASKS[name].file} of version {folder.name} gives other scores than at training.",
            f"Golden rows differ by up to {np.abs(scores - expected).max():.2g}.",
            f"Train again: {TRAIN}",
        )


def _check_copies(models_dir: Path, manifest: Mapping[str, Any]) -> None:
    """Refuse a copy beside active.json that belongs to no version: someone changed it and may believe it is served.

    A copy that belongs to another version is left by an activation that was killed half way; it is harmless.
    """
    expected = {entry["file"]: entry["sha256"] for entry in (manifest["scaler"], *manifest["models"].values())}
    for name, digest in expected.items():
        path = models_dir / name
        try:
            found = sha256(read_file(path))
        except FileNotFoundError:
            raise ModelNotFound(path, "The original is in the active version.") from None
        if found != digest and found not in _digests_of_all_versions(models_dir, name):
            raise BundleError(
                f"{path} was changed: it does not belong to any version.",
                remedy=f"Activate a version again to restore it ({ACTIVATE}), or train again.",
            )


def _digests_of_all_versions(models_dir: Path, name: str) -> set[str]:
    found: set[str] = set()
    for version in list_versions(models_dir):
        try:
            manifest, _ = read_manifest(version_folder(models_dir, version))
            entries = (manifest["scaler"], *manifest["models"].values())
            found.update(entry["sha256"] for entry in entries if entry["file"] == name)
        except (BundleError, KeyError, TypeError, AttributeError):
            continue
    return found
