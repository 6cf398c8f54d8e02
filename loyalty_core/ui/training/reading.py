"""What the Training screen reads: each history's readiness, kept; versions as they stand at this moment."""

from datetime import date

from loyalty_core.analytics.experiment_results import (
    ArmOutcomes,
    ArmScores,
    mean_churn,
    read_arm_outcomes,
    read_arm_scores,
)
from loyalty_core.ml.comparison import VersionRecord, read_versions
from loyalty_core.ml.drivers import Kind, mean_drivers
from loyalty_core.ml.experiment import Experiment, running_experiment
from loyalty_core.ml.promotion import Promotion
from loyalty_core.ml.readiness import Readiness, read_readiness
from loyalty_core.ml.version_comparison import VersionComparison, VersionComparisons
from loyalty_core.services import get_services
from loyalty_core.ui.data import kept
from loyalty_core.warehouse.history import ModelName
from loyalty_core.warehouse.predictions import ScoringRun, last_run


@kept
def readiness(model: ModelName, since: date | None) -> Readiness:
    """A history's figures and findings."""
    return read_readiness(get_services().warehouse, model, since)


def versions() -> list[VersionRecord]:
    """Every version, newest first."""
    return read_versions(get_services().settings.models_dir)


def comparison(version: str, against: str) -> VersionComparison | None:
    """What was found of these two versions; None where they were not compared."""
    return VersionComparisons(get_services().store).find(version, against)


@kept
def drivers(version: str, model: Kind) -> dict[str, float]:
    """Feature → mean absolute contribution of a version's model, in percentage points; raises `BundleError`."""
    bundle = promotion().prove(version)
    return mean_drivers(bundle, model, bundle.background)


def experiment() -> Experiment | None:
    """The A/B test that runs; raises `BundleError` where its file is damaged."""
    return running_experiment(get_services().settings.models_dir)


def arm_scores(running: Experiment) -> tuple[ArmScores, ...]:
    """What the last scoring says of both arms; empty where it was not by the test as it is now."""
    return _arm_scores(running, last_run(get_services().warehouse))


@kept
def _arm_scores(running: Experiment, run: ScoringRun | None) -> tuple[ArmScores, ...]:
    services = get_services()
    served = services.inference.served()
    return read_arm_scores(services.warehouse, served) if run and served.experiment == running else ()


def arm_outcomes(running: Experiment) -> ArmOutcomes:
    """What became of both arms' customers."""
    return _arm_outcomes(running, last_run(get_services().warehouse))


@kept
def _arm_outcomes(running: Experiment, run: ScoringRun | None) -> ArmOutcomes:
    del run  # a part of the key only
    return read_arm_outcomes(get_services().warehouse, running)


def share_expected_to_leave() -> float | None:
    """The mean probability to leave of the last scoring; None before it."""
    return _share_expected_to_leave(last_run(get_services().warehouse))


@kept
def _share_expected_to_leave(run: ScoringRun | None) -> float | None:
    return mean_churn(get_services().warehouse) if run else None


def promotion() -> Promotion:
    """What changes the active version."""
    services = get_services()
    return Promotion(services.settings, services.store)
