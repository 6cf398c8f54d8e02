"""What the tab of the A/B test reads: the test at this moment, and its arms, cached until the next scoring."""

from loyalty_core.analytics.outcomes import ArmOutcomes, ArmScores, mean_churn, read_arm_outcomes, read_arm_scores
from loyalty_core.ml.bundles import Experiment, running_experiment
from loyalty_core.services import get_services
from loyalty_core.ui.cached_reads import cached
from loyalty_core.warehouse.predictions import ScoringRun, last_run


def running_test() -> Experiment | None:
    """The A/B test that runs; raises `BundleError` where its file is damaged."""
    return running_experiment(get_services().settings.models_dir)


def arm_scores(running: Experiment) -> tuple[ArmScores, ...]:
    """What the last scoring says of both arms; empty where it was not by the test as it is now."""
    return _arm_scores(running, last_run(get_services().warehouse))


@cached
def _arm_scores(running: Experiment, run: ScoringRun | None) -> tuple[ArmScores, ...]:
    services = get_services()
    served = services.inference.served()
    return read_arm_scores(services.warehouse, served) if run and served.experiment == running else ()


def arm_outcomes(running: Experiment) -> ArmOutcomes:
    """The outcomes of both arms' customers."""
    return _arm_outcomes(running, last_run(get_services().warehouse))


@cached
def _arm_outcomes(running: Experiment, run: ScoringRun | None) -> ArmOutcomes:
    del run  # a part of the key only
    return read_arm_outcomes(get_services().warehouse, running)


def share_expected_to_leave() -> float | None:
    """The mean probability to leave of the last scoring; None before it."""
    return _share_expected_to_leave(last_run(get_services().warehouse))


@cached
def _share_expected_to_leave(run: ScoringRun | None) -> float | None:
    return mean_churn(get_services().warehouse) if run else None
