"""What is read of outcomes, cached until the warehouse, the predictions or the active version change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty_core.analytics.outcomes import (
    Verdict,
    performance_verdict,
    read_outcomes,
    replay_history,
)
from loyalty_core.ml.bundles import load_bundle
from loyalty_core.ml.tasks import task_named
from loyalty_core.services import get_services
from loyalty_core.ui.cached_reads import cached
from loyalty_core.warehouse.predictions import ScoringRun, last_run

if TYPE_CHECKING:
    from loyalty_core.analytics.outcomes import MonthlyFigures
    from loyalty_core.ml.versions import VersionRecord


def outcomes(model: str) -> MonthlyFigures[Any]:
    """Stored predictions of a model compared with what happened."""
    return _outcomes(model, last_run(get_services().warehouse))


@cached
def replay(model: str, version: str) -> MonthlyFigures[Any]:
    """A version applied to past months; raises `BundleError` when it cannot be trusted."""
    services = get_services()
    return replay_history(services.warehouse, load_bundle(services.settings.models_dir, version), task_named(model))


def verdict(model: str, active: VersionRecord) -> Verdict:
    """Whether the active version's model has got worse; a reason to train it again."""
    return performance_verdict(task_named(model), active, outcomes(model), replay(model, active.version))


@cached
def _outcomes(model: str, run: ScoringRun | None) -> MonthlyFigures[Any]:
    del run  # a part of the key only
    return read_outcomes(get_services().warehouse, task_named(model))
