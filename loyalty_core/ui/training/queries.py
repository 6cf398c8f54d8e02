"""What the Training screen reads: each history's readiness, cached; versions as they are at this moment."""

from dataclasses import dataclass
from datetime import date

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.serving import is_of_other_data, mean_drivers
from loyalty_core.ml.tasks import task_named
from loyalty_core.ml.training import Readiness, read_readiness
from loyalty_core.ml.versions import Promotion, VersionComparison, VersionRecord, read_versions
from loyalty_core.services import get_services
from loyalty_core.ui.cached_reads import cached


@cached
def readiness(model: str, since: date | None, until: date | None) -> Readiness:
    """A history's figures and findings."""
    return read_readiness(get_services().warehouse, task_named(model), since, until)


@dataclass(frozen=True)
class Versions:
    """The versions for this warehouse's data, newest first; those of other data are only counted.

    `active_elsewhere` is the active version where that is of other data, so that it answers nobody here.
    """

    own: list[VersionRecord]
    others: int = 0
    active_elsewhere: str = ""


def versions() -> Versions:
    """As they are on disk at this moment; in an outage of the warehouse, all of them."""
    warehouse = get_services().warehouse
    records = read_versions(warehouse.settings.models_dir)
    try:
        others = [one for one in records if one.manifest and is_of_other_data(one.manifest, warehouse)]
    except LoyaltyError:
        return Versions(records)
    active = next((one.version for one in others if one.is_active), "")
    return Versions([one for one in records if one not in others], len(others), active)


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
