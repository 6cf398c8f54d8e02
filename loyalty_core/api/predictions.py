"""Next best offer, churn and RFM for one customer, as the guide addresses them."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from loyalty_core.ml.predictions import ChurnPrediction, NboPrediction, RfmAnswer
from loyalty_core.services import get_services

router = APIRouter(prefix="/dwh/ml")


class CustomerRequest(BaseModel):
    """Whom to predict for."""

    customer_id: str = Field(min_length=1, max_length=255)


@router.post("/nbo/")
def predict_nbo(request: CustomerRequest) -> NboPrediction:
    """The offer with the highest score, and the scores of all."""
    return get_services().inference.predict_nbo(request.customer_id)


@router.post("/churn/")
def predict_churn(request: CustomerRequest) -> ChurnPrediction:
    """Churn probability, risk and recommendations."""
    return get_services().inference.predict_churn(request.customer_id)


@router.post("/rfm/")
def calculate_rfm(request: CustomerRequest) -> RfmAnswer:
    """Recency, frequency and monetary scores from 1 to 5, and the segment."""
    return get_services().inference.calculate_rfm(request.customer_id)
