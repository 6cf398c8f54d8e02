"""What the Training screen reads: each history's readiness, kept; versions as they stand at this moment."""

from datetime import date

from loyalty_core.ml.comparison import VersionRecord, read_versions
from loyalty_core.ml.promotion import Promotion
from loyalty_core.ml.readiness import Readiness, read_readiness
from loyalty_core.services import get_services
from loyalty_core.ui.data import kept
from loyalty_core.warehouse.history import ModelName


@kept
def readiness(model: ModelName, since: date | None) -> Readiness:
    """A history's figures and findings."""
    return read_readiness(get_services().warehouse, model, since)


def versions() -> list[VersionRecord]:
    """Every version, newest first."""
    return read_versions(get_services().settings.models_dir)


def promotion() -> Promotion:
    """What changes the active version."""
    services = get_services()
    return Promotion(services.settings, services.store)
