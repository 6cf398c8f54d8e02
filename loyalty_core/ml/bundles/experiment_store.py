"""Starting, changing and stopping the A/B test of two versions; running processes follow within seconds."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from loyalty_core.files import replace_file
from loyalty_core.ml.bundles.bundle import Bundle, open_active, open_folder
from loyalty_core.ml.bundles.experiment import EXPERIMENT_FILE, Experiment, check_share, read_experiment
from loyalty_core.ml.bundles.files import (
    ACTIVATE,
    MANIFEST_FILE,
    BundleError,
    read_active,
    read_file,
    sha256,
    version_folder,
)
from loyalty_core.ml.bundles.store import writing


def start_experiment(models_dir: Path, challenger: str, share: float, by: str) -> Experiment:
    """Start to serve `share` (0-1) of the customers with the challenger, the others with the active version.

    Raises `BundleError` and changes nothing when a test is already running, when a version is damaged, and when the two
    have different features, models or offers.
    """
    check_share(share)
    with writing(models_dir):
        if running := _read_unless_damaged(models_dir):
            raise BundleError(
                f"An A/B test of {running.challenger} is already running.", remedy="Stop it before you start another."
            )
        active = read_active(models_dir)
        if active is None:
            raise BundleError("No version is active.", remedy=f"Activate one first ({ACTIVATE}).")
        if challenger == active.version:
            raise BundleError(f"Version {challenger} is the active one.", remedy="Choose another version to test.")
        folder = version_folder(models_dir, challenger)
        digest = sha256(read_file(folder / MANIFEST_FILE)) if folder.is_dir() else None
        _require_compatible(open_active(models_dir, active), open_folder(folder, digest))
        now = _now()
        salt = secrets.token_hex(8)
        experiment = Experiment(active.version, challenger, str(digest), share, salt, now, by, now)
        replace_file(models_dir / EXPERIMENT_FILE, experiment.to_bytes())
        return experiment


def increase_share(models_dir: Path, share: float) -> Experiment:
    """Serve more customers with the challenger; those it serves now stay with it.

    Raises `BundleError` for a share that is not larger, and when no test is running.
    """
    check_share(share)
    with writing(models_dir):
        running = _running(models_dir)
        if share <= running.share:
            raise BundleError(
                f"The challenger already serves {running.share:.0%} of the customers.",
                "With a smaller share customers would switch back, and their outcomes would count for neither version.",
                "Choose a larger share, or stop the test.",
            )
        changed = replace(running, share=share, share_since=_now())
        replace_file(models_dir / EXPERIMENT_FILE, changed.to_bytes())
        return changed


def stop_experiment(models_dir: Path) -> None:
    """Serve everyone with the active version again; raises `BundleError` when no test is running.

    Also removes a damaged experiment.json.
    """
    with writing(models_dir):
        try:
            _running(models_dir)
        except BundleError:
            if not (models_dir / EXPERIMENT_FILE).exists():
                raise
        (models_dir / EXPERIMENT_FILE).unlink()


def _running(models_dir: Path) -> Experiment:
    running = read_experiment(models_dir)
    if running is None:
        raise BundleError("No A/B test is running.", "It may have ended when another version was activated.")
    return running


def _read_unless_damaged(models_dir: Path) -> Experiment | None:
    try:
        return read_experiment(models_dir)
    except BundleError:
        return None  # starting a new test replaces the damaged file


def _require_compatible(champion: Bundle, challenger: Bundle) -> None:
    """All predictions are in one table, so both versions must fill the same columns from the same features."""
    if differing := set(challenger.contract.names) ^ set(champion.contract.names):
        names = ", ".join(sorted(differing))
        raise _incompatible(challenger, f"Only one of the two versions has the features {names}.")
    if challenger.models.keys() != champion.models.keys():
        missing = ", ".join(sorted(challenger.models.keys() ^ champion.models.keys()))
        raise _incompatible(challenger, f"Only one of the two versions has the model {missing}.")
    for name in challenger.models:
        if differing := set(challenger.offers(name)) ^ set(champion.offers(name)):
            offers = ", ".join(map(str, sorted(differing)))
            raise _incompatible(challenger, f"Only one of the two versions has the offers {offers}.")


def _incompatible(challenger: Bundle, why: str) -> BundleError:
    return BundleError(
        f"Version {challenger.version} cannot be tested against the active one.",
        why,
        "Train it with the same features, models and offers, or activate it for everyone.",
    )


def _now() -> str:
    return datetime.now(UTC).isoformat()
