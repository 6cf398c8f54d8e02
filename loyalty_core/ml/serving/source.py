"""Where predictions come from: the active bundle, with a challenger during an A/B test, or formulas in mock mode."""

from typing import Protocol

from loyalty_core.ml.bundles import BundleError, ModelNotFound, read_active
from loyalty_core.ml.features import ModelInputs
from loyalty_core.ml.serving.live_bundle import LiveBundle
from loyalty_core.ml.serving.mock import MOCK_VERSION, MockModels
from loyalty_core.ml.serving.no_models import RFM_ONLY_VERSION, NoModels
from loyalty_core.ml.serving.own_data import ModelsOfOtherData, require_own_data
from loyalty_core.ml.serving.served_models import ServedModels
from loyalty_core.ml.serving.status import ModelStatus
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.predictions import last_run


class ModelSource(Protocol):
    """Where the models to predict with come from."""

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


def scoring_models(warehouse: Warehouse) -> ServedModels:
    """The models to score all customers with; `NoModels` where RFM alone can be scored, which needs none.

    That is so before the first version is active, and where it is of other data or cannot be trusted. Predictions that
    models have made on this data are never replaced by blanks: then `ModelsOfOtherData` or `BundleError` is raised.
    """
    settings = warehouse.settings
    try:
        served = model_source(settings, ModelInputs(warehouse, settings)).served()
        for models in served.arms:
            require_own_data(models, warehouse)
    except ModelNotFound:
        if read_active(settings.models_dir) is not None:
            raise
        return ServedModels(NoModels())
    except (ModelsOfOtherData, BundleError) as error:
        run = last_run(warehouse)
        if run is not None and run.model_versions != (RFM_ONLY_VERSION,):
            raise
        return ServedModels(NoModels(error))
    return served


def model_source(settings: Settings, inputs: ModelInputs) -> ModelSource:
    """The source that the settings choose."""
    if settings.ml_mock_mode:
        return MockSource(inputs)
    return LiveBundle(settings.models_dir)
