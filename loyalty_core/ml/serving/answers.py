"""The answers of MLInferenceService: the guide's dicts, and all that is known about one customer's predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from typing_extensions import TypedDict

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.features import FeatureContract
from loyalty_core.ml.serving.recommendations import recommend
from loyalty_core.ml.serving.risk import DECIMALS, Risk, RiskThresholds
from loyalty_core.rfm import RfmScore

FloatRows = npt.NDArray[np.float32]


class Models(Protocol):
    """What predicts: a `Bundle`, or `MockModels` in mock mode."""

    @property
    def version(self) -> str: ...

    @property
    def is_mock(self) -> bool: ...

    @property
    def contract(self) -> FeatureContract: ...

    @property
    def offers(self) -> tuple[int, ...]: ...

    @property
    def background(self) -> FloatRows: ...

    def churn_probabilities(self, encoded: FloatRows) -> FloatRows: ...

    def offer_scores(self, encoded: FloatRows) -> FloatRows: ...


class OfferScore(TypedDict):
    """One offer and the probability that it is the one taken."""

    offer_id: int
    score: float


class NboPrediction(TypedDict):
    """The guide's answer: the offer with the highest score, its score, and all offers by id."""

    customer_id: str
    recommended_offer: int
    confidence: float
    all_offers: list[OfferScore]


class ChurnPrediction(TypedDict):
    """The guide's answer."""

    customer_id: str
    churn_probability: float
    churn_risk: Risk
    recommendations: list[str]


class RfmAnswer(TypedDict):
    """The guide's answer: three scores from 1 to 5, 5 the best."""

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
    """The three predictions for one customer with what is behind them.

    `offer_drivers` explain the recommended offer. A prediction that cannot be made is None, and `unavailable`
    says why under "churn", "nbo" or "rfm". `blanks` names the features without a value of their own.
    """

    customer_id: str
    model_version: str | None
    is_mock: bool
    churn: ChurnPrediction | None
    churn_drivers: Drivers | None
    nbo: NboPrediction | None
    offer_drivers: Drivers | None
    rfm: RfmAnswer | None
    blanks: tuple[str, ...]
    unavailable: dict[str, LoyaltyError]


@dataclass(frozen=True)
class BatchScores:
    """Many customers: churn probability (n,), score per offer (n, offers), blanks (n, features); models' order."""

    churn: FloatRows
    offers: FloatRows
    blanks: npt.NDArray[np.bool_]


def churn_answer(
    customer_id: str, probability: float, rfm: RfmScore | None, thresholds: RiskThresholds
) -> ChurnPrediction:
    """The guide's dict, its probability with six decimals."""
    risk = thresholds.of(probability)
    return {
        "customer_id": customer_id,
        "churn_probability": round(probability, DECIMALS),
        "churn_risk": risk,
        "recommendations": recommend(risk, rfm),
    }


def nbo_answer(customer_id: str, scores: npt.NDArray[np.floating], offers: Sequence[int]) -> NboPrediction:
    """The guide's dict; scores have six decimals, so eight of them add up to 1 within 0.000004.

    Of offers with equal scores the one with the lowest id is recommended.
    """
    ranked = sorted(zip(offers, scores.tolist(), strict=True))
    rounded = [(offer, round(score, DECIMALS)) for offer, score in ranked]
    best, confidence = max(rounded, key=lambda pair: pair[1])
    return {
        "customer_id": customer_id,
        "recommended_offer": best,
        "confidence": confidence,
        "all_offers": [{"offer_id": offer, "score": score} for offer, score in rounded],
    }


def rfm_answer(customer_id: str, score: RfmScore) -> RfmAnswer:
    """The guide's dict."""
    return {
        "customer_id": customer_id,
        "recency": score.recency,
        "frequency": score.frequency,
        "monetary": score.monetary,
        "segment": score.segment,
    }
