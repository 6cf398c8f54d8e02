"""What the Monitoring tab reads, cached until the view, the version or the predictions change."""

from loyalty_core.analytics.monitoring import Monitoring, ScoredRun, read_monitoring, read_scores
from loyalty_core.ml.bundles import read_manifest, version_folder
from loyalty_core.services import get_services
from loyalty_core.ui.cached_reads import cached
from loyalty_core.warehouse.predictions import ScoringRun, last_run, stored_runs


def monitoring(version: str) -> Monitoring:
    """The version against view, histories and last scoring as they are now."""
    return _monitoring(version, last_run(get_services().warehouse))


def scored_runs() -> list[ScoredRun]:
    """Every stored scoring run, newest first."""
    return _scored_runs(tuple(run for run, _ in stored_runs(get_services().warehouse)))


@cached
def _monitoring(version: str, run: ScoringRun | None) -> Monitoring:
    del run  # a part of the key only
    services = get_services()
    manifest, _ = read_manifest(version_folder(services.settings.models_dir, version))
    return read_monitoring(services.warehouse, manifest)


@cached
def _scored_runs(runs: tuple[ScoringRun, ...]) -> list[ScoredRun]:
    """A run never changes, but one may have gone meanwhile."""
    warehouse = get_services().warehouse
    return [read_scores(warehouse, run, predictions) for run, predictions in stored_runs(warehouse) if run in runs]
