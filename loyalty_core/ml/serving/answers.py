"""What models offer, and the predictions for one customer with all that explains them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from typing_extensions import TypedDict

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.features import FeatureContract
from loyalty_core.ml.tasks import CHURN, NBO, ChurnPrediction, NboPrediction
from loyalty_core.rfm import RfmScore

FloatRows = npt.NDArray[np.float32]


class Models(Protocol):
    """What predicts: a `Bundle`, or `MockModels` in mock mode. Models go by the names of their tasks."""

    @property
    def version(self) -> str: ...

    @property
    def is_mock(self) -> bool: ...

    @property
    def contract(self) -> FeatureContract: ...

    @property
    def background(self) -> FloatRows: ...

    def has(self, name: str) -> bool: ...

    def offers(self, name: str) -> tuple[int, ...]: ...

    def scores(self, name: str, encoded: FloatRows) -> FloatRows: ...


class RfmAnswer(TypedDict):
    """The public answer: three scores from 1 to 5, 5 the best."""

    customer_id: str
    recency: int
    frequency: int
    monetary: int
    segment: str


@dataclass(frozen=True)
class Driver:
    """What one feature adds to a prediction, in percentage points against the background of training customers.

    `value` is the customer's own, None when blank; then `filled_with` is the training median used instead.
    """

    feature: str
    label: str
    value: Any
    contribution: float
    filled_with: float | None = None


@dataclass(frozen=True)
class Drivers:
    """Why a probability is what it is: the contributions of `features`, strongest first, lead from `base` to it.

    `base` is the mean prediction for the background customers.
    """

    base: float
    prediction: float
    features: tuple[Driver, ...]


@dataclass(frozen=True)
class CustomerPredictions:
    """The predictions for one customer; `answers` and `drivers` are by the model's name.

    The drivers of offers explain the recommended one. `unavailable` says why a prediction cannot be made, under the
    name of the model or "rfm". `blanks` names the features that are blank for this customer.
    """

    customer_id: str
    model_version: str | None
    is_mock: bool
    answers: Mapping[str, Any]
    drivers: Mapping[str, Drivers]
    rfm: RfmAnswer | None
    blanks: tuple[str, ...]
    unavailable: Mapping[str, LoyaltyError]

    @property
    def churn(self) -> ChurnPrediction | None:
        return self.answers.get(CHURN.name)

    @property
    def churn_drivers(self) -> Drivers | None:
        return self.drivers.get(CHURN.name)

    @property
    def nbo(self) -> NboPrediction | None:
        return self.answers.get(NBO.name)

    @property
    def offer_drivers(self) -> Drivers | None:
        return self.drivers.get(NBO.name)


@dataclass(frozen=True)
class BatchScores:
    """Many customers: churn probability (n,), score per offer (n, offers), blanks (n, features); models' order."""

    churn: FloatRows
    offers: FloatRows
    blanks: npt.NDArray[np.bool_]


def rfm_answer(customer_id: str, score: RfmScore) -> RfmAnswer:
    """The public answer for one customer."""
    return {
        "customer_id": customer_id,
        "recency": score.recency,
        "frequency": score.frequency,
        "monetary": score.monetary,
        "segment": score.segment,
    }
