"""The A/B test that runs: which version serves beside the active one, and for whom.

    models/experiment.json                 there while a test runs, with a digest of its own, replaced atomically

It holds only while its champion is the active version, so that nothing but active.json says which version is active.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from loyalty_core.ml.bundles.files import BundleError, check_version, read_active, read_file, sealed

EXPERIMENT_FILE = "experiment.json"
STOP = "python -m loyalty_core.ml.versions stop-test"

# Below it an arm says nothing for a very long time, and nobody would notice that it is there.
LEAST_SHARE = 0.01
MOST_SHARE = 1 - LEAST_SHARE
DEFAULT_SHARE = 0.2


@dataclass(frozen=True)
class Experiment:
    """The content of experiment.json.

    `share` of the customers (0-1) get the challenger's answers: those whose place by `salt` is below it. The times are
    ISO 8601 in UTC; `share_since` is when the share became what it is.
    """

    champion: str
    challenger: str
    challenger_sha256: str
    share: float
    salt: str
    started_at: str
    started_by: str
    share_since: str

    @property
    def start(self) -> datetime:
        return datetime.fromisoformat(self.started_at)

    @property
    def latest_change(self) -> datetime:
        """Since when each customer is in the present arm."""
        return datetime.fromisoformat(self.share_since)

    def to_bytes(self) -> bytes:
        """The file's only valid form for this content."""
        return sealed(asdict(self))

    @classmethod
    def from_bytes(cls, content: bytes) -> "Experiment":
        """Raises `BundleError` when a single byte is not as `to_bytes` wrote it."""
        try:
            facts = json.loads(content)
            facts.pop("sha256")
            experiment = cls(**facts)
            check_version(experiment.champion)
            check_version(experiment.challenger)
            check_share(experiment.share)
            intact = experiment.to_bytes() == content
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, BundleError):
            intact = False
        if not intact:
            raise BundleError(
                f"{EXPERIMENT_FILE} is damaged or was changed by hand.",
                remedy=f"Stop the A/B test ({STOP}), and start it again.",
            )
        return experiment  # pyright: ignore[reportPossiblyUnboundVariable]


def check_share(share: float) -> float:
    """The share, if it can be tested."""
    if not LEAST_SHARE <= share <= MOST_SHARE:
        raise BundleError(
            f"The challenger cannot get {share:.1%} of the customers.",
            remedy=f"Choose a share from {LEAST_SHARE:.0%} to {MOST_SHARE:.0%}.",
        )
    return share


def read_experiment(models_dir: Path) -> Experiment | None:
    """The test that was started, None without one; raises `BundleError` when experiment.json is damaged.

    It may be over, as `running_experiment` finds out.
    """
    try:
        return Experiment.from_bytes(read_file(models_dir / EXPERIMENT_FILE))
    except FileNotFoundError:
        return None


def running_experiment(models_dir: Path) -> Experiment | None:
    """The test that runs: its champion is the active version. Raises as `read_experiment` and `read_active`."""
    active, experiment = read_active(models_dir), read_experiment(models_dir)
    return experiment if experiment and active and experiment.champion == active.version else None


def running_challenger(models_dir: Path) -> str | None:
    """The challenger of the test that runs; none serves while a file is damaged."""
    try:
        experiment = running_experiment(models_dir)
    except BundleError:
        return None
    return experiment.challenger if experiment else None
