"""Freshness of the stored predictions: whether they match the models in use and the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.serving import MOCK_VERSION, RFM_ONLY_VERSION
from loyalty_core.warehouse.predictions import ScoringRun, in_words, last_run
from loyalty_core.warehouse.source import describe_source

if TYPE_CHECKING:
    from loyalty_core.ml.inference import MLInferenceService
    from loyalty_core.ml.serving import ServedModels
    from loyalty_core.warehouse import Warehouse


EARLIER_DATA = "They were made on an earlier state of this data."


@dataclass(frozen=True)
class Freshness:
    """The last scoring run, None before the first, and the reasons to score again, as sentences."""

    run: ScoringRun | None
    reasons: tuple[str, ...]

    @property
    def is_fresh(self) -> bool:
        """Whether there are predictions and they are up to date."""
        return self.run is not None and not self.reasons


def check_freshness(warehouse: Warehouse, inference: MLInferenceService) -> Freshness:
    """Compare the stored predictions with the models in use and with the data as it is now."""
    run = last_run(warehouse)
    if run is None:
        return Freshness(None, ("The customers have not been scored yet.",))
    reasons = []
    served = _served(inference)
    if served is not None and not served.made(run):
        reasons.append(_difference(run, served))
    if run.is_of_earlier_data(warehouse.identity):
        reasons.append(EARLIER_DATA)
    elif _is_older_than_features(run, warehouse):
        reasons.append("The features are newer than the predictions.")
    return Freshness(run, tuple(reasons))


def _is_older_than_features(run: ScoringRun, warehouse: Warehouse) -> bool:
    """By dates, since the state of a server's data is not known."""
    newest = describe_source(warehouse).newest
    return newest is not None and newest > run.scored_at.astimezone(warehouse.settings.zone).date()


def _served(inference: MLInferenceService) -> ServedModels | None:
    try:
        return inference.served()
    except LoyaltyError:
        return None  # without models, scoring again would not help


def _difference(run: ScoringRun, served: ServedModels) -> str:
    if run.model_versions == served.versions:
        return "The A/B test has reassigned its customers since then."
    if served.challenger is None:
        return f"They come from {_called(run.model_versions)}, and {_called(served.versions)} is active."
    return f"They come from {_called(run.model_versions)}, and {_called(served.versions)} answer in an A/B test."


def _called(versions: tuple[str, ...]) -> str:
    if versions == (MOCK_VERSION,):
        return "mock predictions"
    if versions == (RFM_ONLY_VERSION,):
        return "a scoring of RFM only"
    return f"model version{'s' if len(versions) > 1 else ''} {in_words(versions)}"
