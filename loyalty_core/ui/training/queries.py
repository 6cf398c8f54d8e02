"""What the Training screen reads: each history's readiness, cached; versions as they are at this moment."""

from datetime import date

from loyalty_core.ml.serving import mean_drivers
from loyalty_core.ml.tasks import task_named
from loyalty_core.ml.training import Readiness, read_readiness
from loyalty_core.ml.versions import Promotion, VersionComparison, VersionRecord, read_versions
from loyalty_core.services import get_services
from loyalty_core.ui.cached_reads import cached


@cached
def readiness(model: str, since: date | None) -> Readiness:
    """A history's figures and findings."""
    return read_readiness(get_services().warehouse, task_named(model), since)


def versions() -> list[VersionRecord]:
    """Every version, newest first."""
    return read_versions(get_services().settings.models_dir)


def comparison(version: str, against: str) -> VersionComparison | None:
    """What was found of these two versions; None where they were not compared."""
    return get_services().comparisons.find(version, against)


@cached
def drivers(version: str, model: str) -> dict[str, float]:
    """Feature → mean absolute contribution of a version's model, in percentage points; raises `BundleError`."""
    bundle = promotion().prove(version)
    return mean_drivers(bundle, model, bundle.background)


def promotion() -> Promotion:
    """What changes the active version."""
    return get_services().promotion
