"""Whether the kept predictions still say what the models would say now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loyalty_core.warehouse.predictions import ScoringRun, last_run
from loyalty_core.warehouse.source import describe_source

if TYPE_CHECKING:
    from loyalty_core.ml.inference import MLInferenceService
    from loyalty_core.warehouse import Warehouse


@dataclass(frozen=True)
class Freshness:
    """The scoring run, None before the first, and in sentences why one should score again."""

    run: ScoringRun | None
    reasons: tuple[str, ...]

    @property
    def is_fresh(self) -> bool:
        """Whether predictions are there and up to date."""
        return self.run is not None and not self.reasons


def check_freshness(warehouse: Warehouse, inference: MLInferenceService) -> Freshness:
    """Compare the kept predictions with the active model version and with the age of the features."""
    run = last_run(warehouse)
    if run is None:
        return Freshness(None, ("The customers have not been scored yet.",))
    reasons = []
    active = inference.status().version
    if active is not None and active != run.model_version:
        reasons.append(f"They come from {_called(run.model_version)}, and {_called(active)} is active.")
    newest = describe_source(warehouse).newest
    if newest is not None and newest > run.scored_at.astimezone(warehouse.settings.zone).date():
        reasons.append("The features are newer than the predictions.")
    return Freshness(run, tuple(reasons))


def _called(version: str) -> str:
    return "mock predictions" if version == "mock" else f"model version {version}"
