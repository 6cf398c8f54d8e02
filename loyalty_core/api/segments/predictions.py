"""Predictions for the members of a segment."""

from typing import Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from loyalty_core.api.errors import Reason, as_reason
from loyalty_core.api.prediction_answers import OnePrediction, for_http
from loyalty_core.api.prediction_kinds import Kind, is_optional
from loyalty_core.api.predictions import mark_mock_mode
from loyalty_core.api.segments.bodies import SegmentId
from loyalty_core.api.work_limits import rule_slot
from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.bundles import ModelNotFound
from loyalty_core.ml.scoring import SegmentPrediction, Source, kinds
from loyalty_core.services import get_services

router = APIRouter(dependencies=[Depends(mark_mock_mode)])

_ABOUT = ("total_customers", "processed", "failed", "source", "model_version", "scored_at")


class PredictionBody(BaseModel):
    """What to predict, and for how many members to return the prediction itself."""

    model_config = ConfigDict(extra="forbid")

    type: Kind
    limit: int = Field(10, ge=0, le=100, strict=True)


class Aggregates(BaseModel):
    """What is predicted for all members: these counts, and averages and distributions by the kind of prediction.

    `source` is "predictions" for the last scoring run, otherwise "scored now".
    """

    model_config = ConfigDict(extra="allow")

    total_customers: int
    processed: int
    failed: int
    source: Source
    model_version: str
    scored_at: str


class MemberPrediction(BaseModel):
    """The prediction for one member, as `dwh/ml/` answers it."""

    customer_id: str
    result: OnePrediction


class MissingPredictions(BaseModel):
    """The number of customers without a prediction for one reason."""

    error: str
    customers: int


class MembersPredicted(BaseModel):
    """Aggregates over all members, and the predictions of the first by id."""

    segment_id: str
    type: str
    aggregated_stats: Aggregates
    results: list[MemberPrediction]
    errors: list[MissingPredictions]
    has_more_results: bool


class SegmentStatistics(BaseModel):
    """Aggregates by kind of prediction; null where it cannot be made, and `unavailable` says why."""

    segment_id: str
    stats: dict[str, Aggregates | None]
    unavailable: dict[str, Reason]


@router.post("/{segment_id}/ml/predict/", response_model=MembersPredicted, dependencies=[rule_slot])
def predict_members(segment_id: SegmentId, body: PredictionBody) -> dict[str, Any]:
    """Aggregates over all members, and the predictions for the first members by id."""
    services = get_services()
    found = services.inference.predict_segment(segment_id, body.type, first=body.limit)
    answers = for_http(services, body.type, found["results"])
    return {
        "segment_id": segment_id,
        "type": body.type,
        "aggregated_stats": _aggregated(found),
        "results": [{"customer_id": answer["customer_id"], "result": answer} for answer in answers],
        "errors": [{"error": reason, "customers": customers} for reason, customers in found["failures"].items()],
        "has_more_results": found["total_customers"] > len(answers),
    }


@router.get("/{segment_id}/ml/stats/", response_model=SegmentStatistics, dependencies=[rule_slot])
def read_statistics(segment_id: SegmentId) -> dict[str, Any]:
    """The aggregates of every kind of prediction; `unavailable` says why one cannot be made."""
    services = get_services()
    services.segments.get(segment_id)
    stats: dict[str, Any] = {}
    unavailable: dict[str, LoyaltyError] = {}
    for kind in kinds():
        try:
            stats[kind] = _aggregated(services.inference.predict_segment(segment_id, kind, first=0))
        except LoyaltyError as error:
            if not (isinstance(error, ModelNotFound) and is_optional(kind)):
                stats[kind], unavailable[kind] = None, error
    if len(unavailable) == len(stats):
        raise next(iter(unavailable.values()))
    reasons = {kind: as_reason(error) for kind, error in unavailable.items()}
    return {"segment_id": segment_id, "stats": stats, "unavailable": reasons}


def _aggregated(found: SegmentPrediction) -> dict[str, Any]:
    return {**found["statistics"], **{name: found[name] for name in _ABOUT}}
