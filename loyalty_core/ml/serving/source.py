"""Where predictions come from: the active bundle, with a challenger during an A/B test, or formulas in mock mode."""

from typing import Protocol

from loyalty_core.ml.bundles import ModelNotFound, read_active
from loyalty_core.ml.features import ModelInputs
from loyalty_core.ml.serving.live_bundle import LiveBundle
from loyalty_core.ml.serving.mock import MOCK_VERSION, MockModels
from loyalty_core.ml.serving.no_models import NoModels
from loyalty_core.ml.serving.served_models import ServedModels
from loyalty_core.ml.serving.status import ModelStatus
from loyalty_core.settings import Settings


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


def scoring_models(settings: Settings, inputs: ModelInputs) -> ServedModels:
    """The models to score all customers with; none at all before the first version is active, since RFM needs none.

    Raises `BundleError` for a version that cannot be trusted.
    """
    try:
        return model_source(settings, inputs).served()
    except ModelNotFound:
        if read_active(settings.models_dir) is not None:
            raise
        return ServedModels(NoModels())


def model_source(settings: Settings, inputs: ModelInputs) -> ModelSource:
    """The source that the settings ask for."""
    if settings.ml_mock_mode:
        return MockSource(inputs)
    return LiveBundle(settings.models_dir)
