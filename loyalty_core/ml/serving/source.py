"""Where predictions come from: the active bundle, with a challenger during an A/B test, or formulas in mock mode."""

from dataclasses import dataclass
from typing import Protocol

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.bundles import Experiment
from loyalty_core.ml.features import ModelInputs
from loyalty_core.ml.serving.mock import MOCK_VERSION, MockModels
from loyalty_core.ml.serving.served_models import ServedModels
from loyalty_core.settings import Settings


@dataclass(frozen=True)
class ModelStatus:
    """What serves: `version` is None when nothing can; `refusal` says why the active version does not.

    `experiment` is the A/B test that runs; `experiment_refusal` says why one that was started does not.
    """

    version: str | None
    is_mock: bool = False
    refusal: LoyaltyError | None = None
    experiment: Experiment | None = None
    experiment_refusal: LoyaltyError | None = None


class ModelSource(Protocol):
    """Gives the models to predict with."""

    def served(self) -> ServedModels: ...

    def status(self) -> ModelStatus: ...


class MockSource:
    """Mock models for the columns that are mapped at the moment."""

    def __init__(self, inputs: ModelInputs) -> None:
        self._inputs = inputs
        self._made: tuple[dict[str, str], ServedModels] | None = None

    def served(self) -> ServedModels:
        columns, made = self._inputs.columns, self._made
        if made is None or made[0] is not columns:
            made = self._made = columns, ServedModels(MockModels(self._inputs.kinds))
        return made[1]

    def status(self) -> ModelStatus:
        return ModelStatus(MOCK_VERSION, is_mock=True)


def model_source(settings: Settings, inputs: ModelInputs) -> ModelSource:
    """The source that the settings ask for."""
    if settings.ml_mock_mode:
        return MockSource(inputs)
    from loyalty_core.ml.serving.live_bundle import LiveBundle  # noqa: PLC0415  keeps LiteRT out of mock mode

    return LiveBundle(settings.models_dir)
