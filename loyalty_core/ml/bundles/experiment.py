"""The running A/B test: which version serves beside the active one, and which share of customers.

    models/experiment.json                 exists while a test runs; contains its own digest, replaced atomically

It only applies while its champion is the active version, so that active.json alone decides which version is active.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from loyalty_core.ml.bundles.files import BundleError, check_version, read_active, read_file, with_digest

EXPERIMENT_FILE = "experiment.json"
STOP = "loyalty versions stop-test"

# A smaller arm would need a very long time to show a difference, and would easily be overlooked.
MIN_SHARE = 0.01
MAX_SHARE = 1 - MIN_SHARE
DEFAULT_SHARE = 0.2


@dataclass(frozen=True)
class Experiment:
    """The content of experiment.json.

    `share` of the customers (0-1) are served by the challenger: those whose bucket, by a hash with `salt`, is below it.
    Times are ISO 8601 in UTC; `share_since` is when the share was last changed.
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
        """Since when each customer has been in the current arm."""
        return datetime.fromisoformat(self.share_since)

    def to_bytes(self) -> bytes:
        """The only valid serialisation of this content."""
        return with_digest(asdict(self))

    @classmethod
    def from_bytes(cls, content: bytes) -> "Experiment":
        """Raises `BundleError` when any byte differs from what `to_bytes` writes."""
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
    """Return the share; raises `BundleError` when it is out of range."""
    if not MIN_SHARE <= share <= MAX_SHARE:
        raise BundleError(
            f"The challenger cannot serve {share:.1%} of the customers.",
            remedy=f"Choose a share from {MIN_SHARE:.0%} to {MAX_SHARE:.0%}.",
        )
    return share


def read_experiment(models_dir: Path) -> Experiment | None:
    """The test in experiment.json, None without one; raises `BundleError` when the file is damaged.

    The test may have ended; see `running_experiment`.
    """
    try:
        return Experiment.from_bytes(read_file(models_dir / EXPERIMENT_FILE))
    except FileNotFoundError:
        return None


def running_experiment(models_dir: Path) -> Experiment | None:
    """The running test, whose champion is the active version. Raises what `read_experiment` and `read_active` raise."""
    active, experiment = read_active(models_dir), read_experiment(models_dir)
    return experiment if experiment and active and experiment.champion == active.version else None


def running_challenger(models_dir: Path) -> str | None:
    """The challenger of the running test; None as well when a file is damaged, since no challenger serves then."""
    try:
        experiment = running_experiment(models_dir)
    except BundleError:
        return None
    return experiment.challenger if experiment else None
