"""Writing, activating and removing model versions.

Even if the process is killed or the disk is full at any point, the active version stays active and intact: a new
version is written and checked under another name before it is renamed, and active.json is replaced last.
"""

import fcntl
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from loyalty_core.files import remedy_for, remove_unfinished, replace_file, replacing, sync, write_file
from loyalty_core.ml.bundles.bundle import Bundle, open_folder
from loyalty_core.ml.bundles.experiment import EXPERIMENT_FILE, read_experiment, running_challenger
from loyalty_core.ml.bundles.files import (
    ACTIVE_FILE,
    DIGEST_FILE,
    FORMAT,
    MANIFEST_FILE,
    SCALER_FILE,
    ActiveVersion,
    BundleError,
    NoEarlierVersion,
    VersionInUse,
    VersionNotFound,
    canonical_json,
    copied_files,
    digest_line,
    list_versions,
    read_active,
    read_file,
    sha256,
    version_folder,
)
from loyalty_core.ml.bundles.parts import BundleParts, ModelPart
from loyalty_core.ml.tasks import TASKS

_VERSION_TIME = "%Y%m%dT%H%M%SZ"


def write_bundle(models_dir: Path, parts: BundleParts) -> str:
    """Write and check a new version, without activating it; returns its name.

    Raises `BundleError` when a check fails, or when the disk is full.
    """
    with writing(models_dir):
        now = datetime.now(UTC)
        version = _new_version(models_dir, now)
        folder = version_folder(models_dir, version)
        unfinished = folder.with_name(f".{version}")
        unfinished.mkdir()
        for name, content in _contents(parts, version, now).items():
            write_file(unfinished / name, content)
        sync(unfinished)
        open_folder(unfinished)
        unfinished.rename(folder)
        sync(folder.parent)
        return version


def activate(models_dir: Path, version: str, by: str) -> Bundle:
    """Make a version the active one, which ends an A/B test with another champion.

    Raises `BundleError` and changes nothing when a check fails.
    """
    with writing(models_dir):
        return _activate(models_dir, version, by, _previous(models_dir, version))


def rollback(models_dir: Path, by: str) -> Bundle:
    """Activate the version that was active before; repeated calls go further back."""
    with writing(models_dir):
        earlier = earlier_versions(models_dir)
        if not earlier:
            raise NoEarlierVersion(
                "There is no earlier version to go back to.", remedy="Train again, or activate another version."
            )
        return _activate(models_dir, earlier[0], by, tuple(earlier[1:]))


def earlier_versions(models_dir: Path) -> list[str]:
    """Versions that were active before and still exist, latest first; `rollback` activates the first."""
    active = read_active(models_dir)
    present = set(list_versions(models_dir))
    return [version for version in (active.previous if active else ()) if version in present]


def discard(models_dir: Path, version: str) -> None:
    """Remove one version; raises `BundleError` for one that serves and for one that does not exist."""
    with writing(models_dir):
        active = read_active(models_dir)
        if active and version == active.version:
            raise VersionInUse(
                f"Version {version} is active.", remedy="Activate another version before you discard it."
            )
        if not version_folder(models_dir, version).is_dir():
            raise VersionNotFound(version)
        if version == running_challenger(models_dir):
            raise VersionInUse(
                f"Version {version} is the challenger of an A/B test.",
                remedy="Stop the test before you discard it.",
            )
        _remove(models_dir, active, [version])


def prune(models_dir: Path, keep: int) -> list[str]:
    """Remove all versions except those that serve and the `keep` newest others; returns the removed ones."""
    with writing(models_dir):
        active = read_active(models_dir)
        serving = {active.version if active else None, running_challenger(models_dir)}
        others = [version for version in list_versions(models_dir) if version not in serving]
        _remove(models_dir, active, others[keep:])
        return others[keep:]


def _remove(models_dir: Path, active: ActiveVersion | None, versions: Sequence[str]) -> None:
    if active:
        # After an activation that was killed half way, the copies may belong to a version that is removed now.
        _copy_files(models_dir, version_folder(models_dir, active.version))
    for version in versions:
        folder = version_folder(models_dir, version)
        folder.rename(
            folder.with_name(f".{version}")
        )  # _sweep removes it, so that a half-removed version is never listed


def _activate(models_dir: Path, version: str, by: str, previous: tuple[str, ...]) -> Bundle:
    folder = version_folder(models_dir, version)
    bundle = open_folder(folder)
    digest = sha256(read_file(folder / MANIFEST_FILE))
    _copy_files(models_dir, folder)
    active = ActiveVersion(version, digest, datetime.now(UTC).isoformat(timespec="seconds"), by, previous)
    replace_file(models_dir / ACTIVE_FILE, active.to_bytes())
    return bundle


def _previous(models_dir: Path, version: str) -> tuple[str, ...]:
    try:
        active = read_active(models_dir)
    except BundleError:
        active = None  # activating a version replaces a damaged active.json
    if active is None:
        return ()
    return tuple(dict.fromkeys(one for one in (active.version, *active.previous) if one != version))


def _copy_files(models_dir: Path, folder: Path) -> None:
    """Replace the copies beside active.json by the files of a version, after all of them have been written to disk."""
    contents = {name: read_file(folder / name) for name in copied_files() if (folder / name).exists()}
    with ExitStack() as copies:
        for name, content in contents.items():
            write_file(copies.enter_context(replacing(models_dir / name)), content)
    for name in set(copied_files()) - contents.keys():
        (models_dir / name).unlink(missing_ok=True)
    sync(models_dir)


def _contents(parts: BundleParts, version: str, now: datetime) -> dict[str, bytes]:
    files = {TASKS[name].file: part.tflite for name, part in parts.models.items()} | {SCALER_FILE: parts.scaler}
    try:
        manifest = canonical_json(_manifest(parts, version, now))
    except (TypeError, ValueError) as error:
        raise BundleError("The manifest cannot be written as JSON.", f"{error}.") from None
    return files | {MANIFEST_FILE: manifest, DIGEST_FILE: digest_line(sha256(manifest))}


def _manifest(parts: BundleParts, version: str, now: datetime) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": version,
        "created_at": now.isoformat(timespec="seconds"),
        "trained_by": parts.trained_by,
        "trained_on": parts.trained_on,
        **({"data": parts.data} if parts.data is not None else {}),
        "features": parts.contract.to_json(),
        "feature_mapping": dict(parts.feature_mapping),
        "scaler": {"file": SCALER_FILE, "sha256": sha256(parts.scaler)},
        "models": {name: _model_entry(TASKS[name].file, part) for name, part in parts.models.items()},
        "background": parts.background.tolist(),
        "libraries": dict(parts.libraries),
        "reference": dict(parts.reference),
        **({"left_out": dict(parts.left_out)} if parts.left_out else {}),
    }


def _model_entry(file: str, part: ModelPart) -> Mapping[str, Any]:
    return {
        "file": file,
        "sha256": sha256(part.tflite),
        "trained_at": part.trained_at.isoformat(timespec="seconds"),
        "rows": part.rows,
        "window": part.window,
        "metrics": part.metrics,
        "options": part.options,
        "offers": list(part.offers),
        "findings": [dict(finding) for finding in part.findings],
        "golden": {"inputs": part.golden_inputs.tolist(), "outputs": part.golden_outputs.tolist()},
    }


def _new_version(models_dir: Path, now: datetime) -> str:
    """A name that sorts after all others, even if two versions are written within a second."""
    newest = list_versions(models_dir)[:1]
    if newest:
        following = datetime.strptime(newest[0][:16], _VERSION_TIME).replace(tzinfo=UTC) + timedelta(seconds=1)
        now = max(now, following)
    return f"{now.strftime(_VERSION_TIME)}-{secrets.token_hex(2)}"


@contextmanager
def writing(models_dir: Path) -> Iterator[None]:
    """Hold the lock for writing, across processes; it is released if the process dies."""
    try:
        (models_dir / "versions").mkdir(parents=True, exist_ok=True)
        with (models_dir / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _sweep(models_dir)
            try:
                yield
            finally:
                _sweep(models_dir)
    except OSError as error:
        raise BundleError(
            f"The models folder {models_dir} cannot be written: {error.strerror}.",
            "The active version is unchanged.",
            remedy_for(error),
        ) from error


def _sweep(models_dir: Path) -> None:
    """Remove unfinished files, which nobody else can be writing under the lock, and an A/B test that has ended."""
    for folder in (models_dir / "versions").glob(".*"):
        shutil.rmtree(folder, ignore_errors=True)
    for name in (*copied_files(), ACTIVE_FILE, EXPERIMENT_FILE):
        remove_unfinished(models_dir / name)
    _remove_ended_experiment(models_dir)


def _remove_ended_experiment(models_dir: Path) -> None:
    """Without this, the test would resume if its champion were activated again."""
    try:
        active, experiment = read_active(models_dir), read_experiment(models_dir)
    except BundleError:
        return  # activating a version, or stopping the test, replaces the damaged file
    if experiment is not None and (active is None or active.version != experiment.champion):
        (models_dir / EXPERIMENT_FILE).unlink(missing_ok=True)
        sync(models_dir)
