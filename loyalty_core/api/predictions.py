"""Next best offer, churn and RFM for one customer, and for the members of a segment."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from loyalty_core.api.work_limits import rule_slot
from loyalty_core.ml.scoring import SegmentPrediction, kinds
from loyalty_core.ml.serving import RfmAnswer
from loyalty_core.ml.tasks import ChurnPrediction, NboPrediction
from loyalty_core.services import get_services


def mark_mock_mode(response: Response) -> None:
    """Mark responses in mock mode with the header X-Loyalty-Mode."""
    if get_services().settings.ml_mock_mode:
        response.headers["X-Loyalty-Mode"] = "mock"


def _known_kind(kind: str) -> str:
    if kind not in kinds():
        raise ValueError(f"Ask for {', '.join(kinds())}.")
    return kind


# A header, since the documented response bodies have no field for it.
router = APIRouter(prefix="/dwh/ml", dependencies=[Depends(mark_mock_mode)])


class SegmentRequest(BaseModel):
    """The segment, and the number of members whose predictions are returned."""

    segment_id: str = Field(min_length=1, max_length=255)
    first: int = Field(10, ge=0, le=100)


class CustomerRequest(BaseModel):
    """The customer to predict for; a number is read as an id with those digits."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    customer_id: str = Field(min_length=1, max_length=255)


@router.post("/nbo/")
def predict_nbo(request: CustomerRequest) -> NboPrediction:
    """The offer with the highest score, and the scores of all offers."""
    return get_services().inference.predict_nbo(request.customer_id)


@router.post("/churn/")
def predict_churn(request: CustomerRequest) -> ChurnPrediction:
    """Churn probability, risk and recommendations."""
    return get_services().inference.predict_churn(request.customer_id)


@router.post("/rfm/")
def calculate_rfm(request: CustomerRequest) -> RfmAnswer:
    """Recency, frequency and monetary scores from 1 to 5, and the segment."""
    return get_services().inference.calculate_rfm(request.customer_id)


@router.post("/{model}/")
def predict(model: str, request: CustomerRequest) -> dict[str, Any]:
    """The prediction of any other model, by name."""
    return get_services().inference.predict(model, request.customer_id)


@router.post("/segment/{kind}/", dependencies=[rule_slot])
def predict_segment(kind: Annotated[str, AfterValidator(_known_kind)], request: SegmentRequest) -> SegmentPrediction:
    """Aggregates over all members of a segment, and the predictions of the first members."""
    return get_services().inference.predict_segment(request.segment_id, kind, first=request.first)
