"""Customers: all of them in the order of ids, and one with everything that is predicted."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.exceptions import HTTPException

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.customer_lists import Cursor, customers_after
from loyalty_core.api.json_values import FastJSONResponse, JsonObject
from loyalty_core.api.pages import PageNumber, PageSize, page_of
from loyalty_core.api.prediction_answers import for_http
from loyalty_core.api.predictions import mark_mock_mode
from loyalty_core.api.work_limits import rule_slot
from loyalty_core.ml.scoring import RFM, kinds
from loyalty_core.ml.serving import CustomerPredictions
from loyalty_core.segments.figures import MAX_ROWS
from loyalty_core.services import Services, get_services

router = APIRouter(prefix="/customers")


@router.get("/", response_model=JsonObject, dependencies=[allowed(Action.VIEW), rule_slot])
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


@router.get("/{customer_id:path}/", dependencies=[allowed(Action.VIEW), Depends(mark_mock_mode)])
def read_customer(customer_id: str) -> JsonObject:
    """One customer: features, predictions made now with their drivers, RFM, and segments since the day of joining.

    A prediction that cannot be made is null, and `unavailable` says why. `segments` are as of their last refresh.
    """
    services = get_services()
    features = services.features.get(customer_id)
    identifier = str(features[services.settings.dwh_customer_id_column])
    found = services.inference.predict_customer(customer_id)
    reasons = {kind: {"error": error.code, "detail": str(error)} for kind, error in found.unavailable.items()}
    return {
        "customer_id": identifier,
        "features": features,
        "predictions": _predictions(services, found),
        "drivers": {model: asdict(drivers) for model, drivers in found.drivers.items()},
        "unavailable": reasons,
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
    return {kind: for_http(services, kind, [answer])[0] if (answer := answers.get(kind)) else None for kind in kinds()}
