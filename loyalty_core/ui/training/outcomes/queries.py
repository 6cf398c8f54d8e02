"""What is read of outcomes, kept until the warehouse, the predictions or the active version change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty_core.analytics.outcomes import (
    Verdict,
    performance_verdict,
    read_churn_outcomes,
    read_offer_outcomes,
    replay_churn,
    replay_offers,
)
from loyalty_core.ml.bundles import load_bundle
from loyalty_core.services import get_services
from loyalty_core.ui.data import kept
from loyalty_core.warehouse.predictions.relation import ScoringRun, last_run

if TYPE_CHECKING:
    from loyalty_core.analytics.outcomes import Told
    from loyalty_core.ml.versions import VersionRecord
    from loyalty_core.warehouse.history import ModelName


def outcomes(model: ModelName) -> Told[Any]:
    """Kept predictions of a model beside what then happened."""
    return _outcomes(model, last_run(get_services().warehouse))


@kept
def replay(model: ModelName, version: str) -> Told[Any]:
    """A version asked about past months; raises `BundleError` when it cannot be trusted."""
    services = get_services()
    ask = replay_churn if model == "churn" else replay_offers
    return ask(services.warehouse, load_bundle(services.settings.models_dir, version))


def verdict(model: ModelName, active: VersionRecord) -> Verdict:
    """Whether the active version's model has got worse; a reason to train it anew."""
    return performance_verdict(model, active, outcomes(model), replay(model, active.version))


@kept
def _outcomes(model: ModelName, run: ScoringRun | None) -> Told[Any]:
    del run  # a part of the key only
    read = read_churn_outcomes if model == "churn" else read_offer_outcomes
    return read(get_services().warehouse)
