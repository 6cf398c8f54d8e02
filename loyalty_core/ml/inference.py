"""MLInferenceService: churn, next best offer and RFM for customers of the warehouse, as the guide describes it."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa
import sqlalchemy as sa

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.drivers import Kind, explain_customer, mean_drivers
from loyalty_core.ml.features import Encoded, require_input_size
from loyalty_core.ml.mock import MOCK_VERSION, MockModels
from loyalty_core.ml.model_inputs import ModelInputs
from loyalty_core.ml.predictions import (
    BatchScores,
    ChurnPrediction,
    CustomerPredictions,
    Driver,
    Models,
    NboPrediction,
    RfmAnswer,
    churn_answer,
    nbo_answer,
    rfm_answer,
)
from loyalty_core.ml.rfm import RfmCutPoints, RfmScore, score_one
from loyalty_core.ml.rfm_cut_points import current_cut_points
from loyalty_core.ml.risk import RiskThresholds
from loyalty_core.settings import Settings, get_settings
from loyalty_core.warehouse import FeatureStore, Warehouse
from loyalty_core.warehouse.cache import Features

Answer = TypeVar("Answer")

_CUT_POINTS_SECONDS = 60.0
_BASE_SAMPLE_ROWS = 200


@dataclass(frozen=True)
class ModelStatus:
    """What serves: `version` is None when nothing can; `refusal` says why the active version is not used."""

    version: str | None
    is_mock: bool
    refusal: LoyaltyError | None = None


class MLInferenceService:
    """Predictions for customers by id; build one per process and use it from any thread.

    Without arguments it reads the settings and shares one warehouse connection per process. Answers come from
    the active model version, and from a newly activated one with the next call. Every method raises
    `CustomerNotFound` for an unknown id, `ModelNotFound` (a `FileNotFoundError`) before the first training,
    `FeatureCountMismatch` (a `ValueError`) and `MappingError` when settings and models do not fit together,
    `BundleError` when no model file can be trusted, and what the warehouse raises.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        warehouse: Warehouse | None = None,
        feature_store: FeatureStore | None = None,
    ) -> None:
        if warehouse is None and feature_store is None and settings is None:
            warehouse, feature_store = _shared_store()
        self._warehouse = warehouse or Warehouse(settings)
        self._settings = settings or self._warehouse.settings
        self._store = feature_store or FeatureStore(self._warehouse)
        self._inputs = ModelInputs(self._warehouse, self._settings)
        self._models = _mock_source(self._inputs) if self._settings.ml_mock_mode else _LiveSource(self._settings)
        self._thresholds = RiskThresholds.from_settings(self._settings)
        self._cut_points = _CutPoints(self._warehouse)

    def predict_churn(self, customer_id: object) -> ChurnPrediction:
        """Churn probability, risk and recommendations."""
        models = self.models()
        row = self._store.get(customer_id)
        return self._churn(models, str(customer_id), row, self._inputs.encode_row(models.contract, row))
