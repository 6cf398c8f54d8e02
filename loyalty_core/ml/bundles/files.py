"""The layout of model bundles on disk, and reading of the small files in it.

    models/active.json                     the active version, who activated it, and the versions active before
    models/experiment.json                 during an A/B test: the version that serves beside it (experiment.py)
    models/nbo.tflite churn.tflite scaler.pkl      copies of the active version, for people and other programs
    models/versions/<version>/             nbo.tflite churn.tflite scaler.pkl manifest.json manifest.sha256

Any change to these files is detected, since every byte is covered by a digest or by an exact serialisation: the
manifest contains the digest of each file beside it, manifest.sha256 and active.json contain the manifest's, and
active.json contains its own.
"""

import errno
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.tasks import TASKS

SCALER_FILE = "scaler.pkl"
MANIFEST_FILE = "manifest.json"
DIGEST_FILE = "manifest.sha256"
ACTIVE_FILE = "active.json"
FORMAT = 1

TRAIN = "loyalty train"
ACTIVATE = "loyalty versions activate VERSION"
ADOPT = "loyalty versions adopt"

Stamp = tuple[int, int, int] | None

_VERSION = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4}")
_MAX_BYTES = 2**29
_MAX_PREVIOUS = 100


class BundleError(LoyaltyError):
    """A model bundle is damaged, was changed after it was written, or does not match its manifest."""

    code = "bad_bundle"


class VersionNotFound(BundleError):
    """There is no such version on disk."""

    code = "version_not_found"

    def __init__(self, version: str) -> None:
        super().__init__(
            f"There is no version {version[:60]}.",
            "It may have been discarded in the meantime.",
            "Choose one from the list of versions.",
        )


class VersionInUse(BundleError):
    """The version answers customers, so it cannot be discarded."""

    code = "version_in_use"


class NoEarlierVersion(BundleError):
    """No other version was active before."""

    code = "no_earlier_version"


class ModelNotFound(LoyaltyError, FileNotFoundError):
    """There is no such model yet."""

    code = "model_not_found"

    def __init__(self, path: Path, why: str = "") -> None:
        super().__init__(f"{path} does not exist.", why, f"Train the models: {TRAIN}")
        self.errno, self.filename = errno.ENOENT, str(path)


class ManifestMissing(BundleError):
    """There are model files without a manifest that describes their inputs."""

    code = "manifest_missing"

    def __init__(self, models_dir: Path, names: Sequence[str]) -> None:
        listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        super().__init__(
            f"{models_dir} contains {listed}, but no version is active.",
            "Without a manifest it is not known which features they take, in which order.",
            f"Check and adopt them with {ADOPT}, or train: {TRAIN}",
        )


@dataclass(frozen=True)
class ActiveVersion:
    """The content of active.json; `previous` is newest first, `activated_at` is ISO 8601 in UTC."""

    version: str
    manifest_sha256: str
    activated_at: str
    activated_by: str
    previous: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """The only valid serialisation of this content."""
        return with_digest(self._facts())

    @classmethod
    def from_bytes(cls, content: bytes) -> "ActiveVersion":
        """Raises `BundleError` when any byte differs from what `to_bytes` writes."""
        try:
            facts = json.loads(content)
            active = cls(
                check_version(facts["version"]),
                facts["manifest_sha256"],
                facts["activated_at"],
                facts["activated_by"],
                tuple(check_version(version) for version in facts["previous"]),
            )
            intact = active.to_bytes() == content
        except (ValueError, KeyError, TypeError, RecursionError, BundleError):
            intact = False
        if not intact:
            raise BundleError(
                f"{ACTIVE_FILE} is damaged or was changed by hand.",
                remedy=f"Activate a version again ({ACTIVATE}), or train again.",
            )
        return active  # pyright: ignore[reportPossiblyUnboundVariable]

    def _facts(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "manifest_sha256": self.manifest_sha256,
            "activated_at": self.activated_at,
            "activated_by": self.activated_by,
            "previous": list(self.previous[:_MAX_PREVIOUS]),
        }


def copied_files() -> tuple[str, ...]:
    """The names of all files that an active version may have copied beside active.json."""
    return (*(task.file for task in TASKS.values()), SCALER_FILE)


def version_folder(models_dir: Path, version: str) -> Path:
    """The folder of a version; raises `BundleError` for anything that is not a version name, such as a path."""
    return models_dir / "versions" / check_version(version)


def check_version(version: object) -> str:
    """Return the version; raises `BundleError` when it is not a version name."""
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise BundleError(
            f"{str(version)[:60]!r} is not a model version.",
            remedy="List the versions with loyalty versions.",
        )
    return version


def list_versions(models_dir: Path) -> list[str]:
    """Every version on disk, newest first."""
    folder = models_dir / "versions"
    names = (entry.name for entry in folder.iterdir()) if folder.is_dir() else ()
    return sorted((name for name in names if _VERSION.fullmatch(name)), reverse=True)


def read_active(models_dir: Path) -> ActiveVersion | None:
    """The active version, None before the first activation; raises `BundleError` when active.json is damaged."""
    try:
        return ActiveVersion.from_bytes(read_file(models_dir / ACTIVE_FILE))
    except FileNotFoundError:
        return None


def read_file(path: Path) -> bytes:
    """The content of a bundle file; raises `FileNotFoundError`, or `BundleError` when it cannot be read."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise BundleError(f"{path.name} is larger than {_MAX_BYTES:,} bytes, the limit for model files.")
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise BundleError(f"{path} cannot be read.", f"{error.strerror}.", "Check the permissions.") from None


def stamp_of(path: Path) -> Stamp:
    """A value that changes whenever the file is replaced; None without the file."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_mtime_ns, facts.st_size


def read_manifest(folder: Path) -> tuple[dict[str, Any], str]:
    """The manifest of a version and its digest; raises `BundleError` when it is damaged."""
    content = required_file(folder, MANIFEST_FILE)
    digest = sha256(content)
    if required_file(folder, DIGEST_FILE) != digest_line(digest):
        raise digest_mismatch(folder, f"{MANIFEST_FILE} or {DIGEST_FILE}")
    try:
        manifest = json.loads(content)
        if manifest["format"] == FORMAT and manifest["version"] == folder.name.removeprefix("."):
            return manifest, digest
        found = f"It has format {manifest['format']!r} and version {manifest['version']!r}."
    except (ValueError, KeyError, TypeError, RecursionError):
        found = "It is not a manifest."
    raise BundleError(f"{MANIFEST_FILE} of version {folder.name} cannot be used.", found, f"Train again: {TRAIN}")


def required_file(folder: Path, name: str) -> bytes:
    """A file of a version; raises `BundleError` naming it when it is missing."""
    try:
        return read_file(folder / name)
    except FileNotFoundError:
        raise BundleError(
            f"{name} of version {folder.name} is missing.",
            remedy="Go back to another version (loyalty versions), or train again.",
        ) from None


def digest_mismatch(folder: Path, name: str) -> BundleError:
    """The error for a file whose digest differs."""
    return BundleError(
        f"{name} of version {folder.name} was changed after it was written.",
        "Its SHA-256 digest differs.",
        "Go back to another version (loyalty versions), or train again.",
    )


def digest_line(digest: str) -> bytes:
    """The content of manifest.sha256, as `sha256sum --check` reads it."""
    return f"{digest}  {MANIFEST_FILE}\n".encode()


def canonical_json(value: Any) -> bytes:
    """Readable JSON with exactly one serialisation per value."""
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def with_digest(facts: dict[str, Any]) -> bytes:
    """The facts as JSON that contains its own digest."""
    return canonical_json({**facts, "sha256": sha256(canonical_json(facts))})


def sha256(content: bytes) -> str:
    """Hexadecimal digest."""
    return hashlib.sha256(content).hexdigest()
