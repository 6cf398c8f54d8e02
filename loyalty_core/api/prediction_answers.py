"""Predictions as the API answers them: the documented dicts of `MLInferenceService`, with keys added beside them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from loyalty_core.api.json_values import JsonValue
from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.scoring import RFM, Source
from loyalty_core.ml.serving import RfmAnswer
from loyalty_core.ml.tasks import NBO, ChurnPrediction, NboPrediction
from loyalty_core.services import Services
from loyalty_core.warehouse.offers import OfferFacts, offer_name

Answer = TypeVar("Answer")


class Batch(TypedDict, Generic[Answer]):
    """The answers for many customers, in the order of the ids, each id once; `unknown` are ids of no customer."""

    results: list[Answer]
    unknown: list[str]


class OfferProbability(TypedDict):
    """One offer with its name and category, and the probability that the customer takes it."""

    offer_id: int
    offer_name: str
    category: str | None
    probability: float


class NboAnswer(NboPrediction):
    """The prediction, and the offers by id with their names.

    `recommended_offer` is an `offer_id`; `recommended_offer_index` is its position in the lists, counted from 0.
    """

    recommended_offer_name: str
    recommended_offer_index: int
    offers: list[OfferProbability]


class RfmScores(RfmAnswer):
    """The answer, and the same scores under names that no measured value has."""

    r_score: int
    f_score: int
    m_score: int
    rfm_segment: str


class OtherPrediction(BaseModel):
    """The prediction of a model that was added; its further keys are the model's own."""

    model_config = ConfigDict(extra="allow")

    customer_id: str


# The last one fits them all, so the order decides.
OnePrediction = Annotated[ChurnPrediction | NboAnswer | RfmScores | OtherPrediction, Field(union_mode="left_to_right")]


class SegmentPredicted(BaseModel):
    """The predictions for a segment.

    `statistics` depends on `prediction_type`, and `failures` counts by reason; `source` is "predictions" for the last
    scoring run and "scored now" otherwise. `results` are the predictions for the first members by id.
    """

    segment_id: str
    segment_name: str
    prediction_type: str
    total_customers: int
    processed: int
    failed: int
    failures: dict[str, int]
    statistics: dict[str, JsonValue]
    source: Source
    model_version: str
    scored_at: str
    results: list[OnePrediction]


def for_http(services: Services, kind: str, answers: Iterable[Any]) -> list[Any]:
    """The answers of one kind of prediction with the keys that are added over HTTP."""
    return [*map(adding_keys(services, kind), answers)]


def predictions_of(services: Services, kind: str, customer_ids: list[str]) -> dict[str, Any]:
    """One kind of prediction for many customers by id, as the API answers it; unknown ids are left out."""
    inference = services.inference
    found = inference.calculate_rfm_many(customer_ids) if kind == RFM else inference.predict_many(kind, customer_ids)
    return dict(zip(found, for_http(services, kind, found.values()), strict=True))


def adding_keys(services: Services, kind: str) -> Callable[[Any], Any]:
    """A function that adds these keys to an answer; what is known about the offers is read now."""
    if kind == NBO.name:
        names = _Names(_offer_facts(services))
        return lambda answer: {**answer, **_with_names(answer, names)}
    return _with_scores if kind == RFM else lambda answer: answer


def _with_scores(answer: RfmAnswer) -> RfmScores:
    return {
        **answer,
        "r_score": answer["recency"],
        "f_score": answer["frequency"],
        "m_score": answer["monetary"],
        "rfm_segment": answer["segment"],
    }


class _Names(dict[int, tuple[str, str | None]]):
    """Name and category of each offer by its id."""

    def __init__(self, facts: Mapping[int, OfferFacts]) -> None:
        super().__init__()
        self._facts = facts
        self._names = {offer_id: known.name for offer_id, known in facts.items() if known.name is not None}

    def __missing__(self, offer_id: int) -> tuple[str, str | None]:
        known = self._facts.get(offer_id)
        self[offer_id] = found = offer_name(self._names, offer_id), known.kind if known else None
        return found


def _with_names(answer: NboPrediction, names: _Names) -> Mapping[str, Any]:
    best = answer["recommended_offer"]
    offers: list[OfferProbability] = []
    for scored in answer["all_offers"]:
        offer_id = scored["offer_id"]
        name, category = names[offer_id]
        offers.append({"offer_id": offer_id, "offer_name": name, "category": category, "probability": scored["score"]})
    return {
        "recommended_offer_name": names[best][0],
        "recommended_offer_index": [offer["offer_id"] for offer in offers].index(best),
        "offers": offers,
    }


def _offer_facts(services: Services) -> Mapping[int, OfferFacts]:
    """What is known about the offers; predictions do not depend on it, so an outage leaves their numbers as names."""
    try:
        return services.offers.get()
    except LoyaltyError:
        return {}
