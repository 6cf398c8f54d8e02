"""Starting, growing and stopping the A/B test of two versions; every running process follows within seconds."""

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
    """Let a version answer `share` (0-1) of the customers beside the active one.

    Raises `BundleError` and changes nothing when a test runs already, when one of the two is not as it was written,
    and when they take or predict different things.
    """
    check_share(share)
    with writing(models_dir):
        if running := _read_unless_damaged(models_dir):
            raise BundleError(
                f"An A/B test of {running.challenger} runs already.", remedy="Stop it before you start another."
            )
        active = read_active(models_dir)
        if active is None:
            raise BundleError("No version is active.", remedy=f"Activate one first ({ACTIVATE}).")
        if challenger == active.version:
            raise BundleError(f"The version {challenger} is the active one.", remedy="Choose another to test.")
        folder = version_folder(models_dir, challenger)
        digest = sha256(read_file(folder / MANIFEST_FILE)) if folder.is_dir() else None
        _require_alike(open_active(models_dir, active), open_folder(folder, digest))
        now = _now()
        salt = secrets.token_hex(8)
        experiment = Experiment(active.version, challenger, str(digest), share, salt, now, by, now)
        replace_file(models_dir / EXPERIMENT_FILE, experiment.to_bytes())
        return experiment


def grow_experiment(models_dir: Path, share: float) -> Experiment:
    """Let the challenger answer more customers: those it has now stay with it, others come in addition.

    Raises `BundleError` for a share that is not larger, and when no test runs.
    """
    check_share(share)
    with writing(models_dir):
        running = _running(models_dir)
        if share <= running.share:
            raise BundleError(
                f"The challenger has {running.share:.0%} of the customers already.",
                "With fewer, customers would change back, and what is measured would be of neither version.",
                "Choose a larger share, or stop the test.",
            )
        grown = replace(running, share=share, share_since=_now())
        replace_file(models_dir / EXPERIMENT_FILE, grown.to_bytes())
        return grown


def stop_experiment(models_dir: Path) -> None:
    """Let the active version answer everybody again, also after damage; raises `BundleError` when no test runs."""
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
        raise BundleError("No A/B test runs.", "It may have ended when another version was activated.")
    return running


def _read_unless_damaged(models_dir: Path) -> Experiment | None:
    try:
        return read_experiment(models_dir)
    except BundleError:
        return None  # starting a test is a way out of the damage


def _require_alike(champion: Bundle, challenger: Bundle) -> None:
    """Everybody's predictions stand in one table, so both versions must fill the same columns from the same ones."""
    own, other = challenger.contract.names, champion.contract.names
    if sorted(own) != sorted(other):
        differing = ", ".join(sorted(set(own) ^ set(other)))
        raise _unlike(challenger, f"Its features are not those of the active version: {differing}.")
    if challenger.models.keys() != champion.models.keys():
        missing = ", ".join(sorted(challenger.models.keys() ^ champion.models.keys()))
        raise _unlike(challenger, f"Only one of the two versions has the model {missing}.")
    for name in challenger.models:
        if differing := set(challenger.offers(name)) ^ set(champion.offers(name)):
            offers = ", ".join(map(str, sorted(differing)))
            raise _unlike(challenger, f"Only one of the two versions knows the offers {offers}.")


def _unlike(challenger: Bundle, why: str) -> BundleError:
    return BundleError(
        f"The version {challenger.version} cannot serve beside the active one.",
        why,
        "Train it on the same features, models and offers, or activate it for everybody.",
    )


def _now() -> str:
    return datetime.now(UTC).isoformat()
