"""Customers: all of them in the order of ids, and one with everything that is predicted."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from loyalty_core.access import Action
from loyalty_core.analytics.churn import AdviceReason
from loyalty_core.api.access import allowed
from loyalty_core.api.customer_lists import Cursor, customers_after
from loyalty_core.api.errors import Reason, as_reason
from loyalty_core.api.json_values import FastJSONResponse, Features, JsonValue
from loyalty_core.api.pages import Page, PageNumber, PageSize, page_of
from loyalty_core.api.prediction_answers import NboAnswer, RfmScores, for_http
from loyalty_core.api.prediction_kinds import is_optional
from loyalty_core.api.predictions import mark_mock_mode
from loyalty_core.api.work_limits import rule_slot
from loyalty_core.ml.scoring import RFM, kinds
from loyalty_core.ml.serving import CustomerPredictions
from loyalty_core.ml.tasks import CHURN, ChurnPrediction
from loyalty_core.segments.figures import MAX_ROWS
from loyalty_core.services import Services, get_services

router = APIRouter(prefix="/customers")


class CustomersAnswer(BaseModel):
    """Customers with the columns of the features view; `next_cursor` is null on the last page."""

    customers: list[Features]
    next_cursor: str | None


class Predictions(BaseModel):
    """What is predicted for a customer, by model; null where a prediction cannot be made."""

    model_config = ConfigDict(extra="allow")

    churn: ChurnPrediction | None
    nbo: NboAnswer | None
    rfm: RfmScores | None


class DriverAnswer(BaseModel):
    """What a feature adds to a prediction, in percentage points; `filled_with` is used in place of a blank `value`."""

    feature: str
    label: str
    value: JsonValue
    contribution: float
    filled_with: float | None


class DriversAnswer(BaseModel):
    """The contributions of `features`, strongest first, lead from `base`, the mean prediction, to this `prediction`."""

    base: float
    prediction: float
    features: list[DriverAnswer]


class MembershipAnswer(BaseModel):
    """A segment that the customer belongs to since `joined_at`."""

    segment_id: str
    name: str
    joined_at: datetime


class AdviceAnswer(BaseModel):
    """Whether to contact the customer, why, and what to do: `actions` are empty where there should be no contact."""

    contact: bool
    reason: AdviceReason
    sentence: str
    actions: list[str]


class CustomerAnswer(BaseModel):
    """One customer; `blanks` names features without a value, and `unavailable` says why a prediction is null."""

    customer_id: str
    features: Features
    predictions: Predictions
    advice: AdviceAnswer
    drivers: dict[str, DriversAnswer]
    unavailable: dict[str, Reason]
    blanks: list[str]
    model_version: str | None
    is_mock: bool
    segments: list[MembershipAnswer]


@router.get("/", response_model=CustomersAnswer | Page[Features], dependencies=[allowed(Action.VIEW), rule_slot])
def list_customers(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_ROWS)] = 50,
    cursor: Cursor = None,
    page: PageNumber = None,
    page_size: PageSize = 50,
) -> Response:
    """Every customer with the columns of the features view, in the order of ids.

    `next_cursor` leads to the next page, null on the last. With `page` the answer is that page with `count`, `next` and
    `previous`.
    """
    if cursor and page:
        raise HTTPException(422, "Send either cursor or page.")
    selection = get_services().segmentation.select({})
    if page is None:
        return FastJSONResponse(customers_after(selection, "customers", cursor, limit, name="customers"))
    rows = selection.members(page_size, (page - 1) * page_size)
    return FastJSONResponse(page_of(request, page, page_size, selection.count(), rows))


@router.get(
    "/{customer_id:path}/",
    response_model=CustomerAnswer,
    dependencies=[allowed(Action.VIEW), Depends(mark_mock_mode)],
)
def read_customer(customer_id: str) -> dict[str, Any]:
    """One customer: features, predictions made now with their drivers, advice, and segments since the day of joining.

    A prediction that cannot be made is null, and `unavailable` says why. `segments` are as of their last refresh.
    `advice` weighs the risk of churn, the uplift, consent, and whether the customer has already left. The
    `recommendations` of the churn prediction are the actions that it advises.
    """
    services = get_services()
    features = services.features.get(customer_id)
    identifier = str(features[services.settings.dwh_customer_id_column])
    found = services.inference.predict_customer(customer_id)
    advice = services.advice(features, found)
    predictions = _predictions(services, found)
    if predictions[CHURN.name]:
        predictions[CHURN.name] = {**predictions[CHURN.name], "recommendations": list(advice.actions)}
    return {
        "customer_id": identifier,
        "features": features,
        "predictions": predictions,
        "advice": advice,
        "drivers": found.drivers,
        "unavailable": {kind: as_reason(error) for kind, error in found.unavailable.items()},
        "blanks": found.blanks,
        "model_version": found.model_version,
        "is_mock": found.is_mock,
        "segments": [
            {"segment_id": one.segment_id, "name": one.name, "joined_at": one.since}
            for one in services.segments.memberships(identifier)
        ],
    }


def _predictions(services: Services, found: CustomerPredictions) -> dict[str, Any]:
    answers = {**found.answers, RFM: found.rfm}
    wanted = [kind for kind in kinds() if kind in answers or not is_optional(kind)]
    return {kind: for_http(services, kind, [answer])[0] if (answer := answers.get(kind)) else None for kind in wanted}
