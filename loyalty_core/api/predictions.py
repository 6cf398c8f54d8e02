"""Next best offer, churn and RFM for one customer, for a batch, and for the members of a segment."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from typing import Any, Self

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.customer_ids import CustomerId, CustomerIds
from loyalty_core.api.json_values import FastJSONResponse
from loyalty_core.api.prediction_answers import (
    Batch,
    NboAnswer,
    OtherPrediction,
    RfmScores,
    SegmentPredicted,
    adding_keys,
    predictions_of,
)
from loyalty_core.api.prediction_kinds import Kind
from loyalty_core.api.work_limits import rule_slot, rule_slot_of
from loyalty_core.memory_only import NotInMemory, memory_only
from loyalty_core.ml.scoring import RFM, SegmentPrediction
from loyalty_core.ml.tasks import CHURN, NBO, ChurnPrediction
from loyalty_core.services import get_services, services_of_process

# Handing a call over to these threads costs less than to those of Starlette, where it takes as long as a prediction.
_threads = ThreadPoolExecutor(max_workers=40, thread_name_prefix="predictions")


async def mark_mock_mode(response: Response) -> None:
    """`mark` every response of a route."""
    mark(response)  # at once: FastAPI would call a plain function in another thread


def mark(response: Response) -> None:
    """Mark a response in mock mode with the header X-Loyalty-Mode."""
    if services_of_process().settings.ml_mock_mode:
        response.headers["X-Loyalty-Mode"] = "mock"


# A header, since the documented response bodies have no field for it.
router = APIRouter(prefix="/dwh/ml", dependencies=[allowed(Action.VIEW), Depends(mark_mock_mode)])


class SegmentRequest(BaseModel):
    """The segment, and the number of members whose predictions are returned."""

    model_config = ConfigDict(extra="forbid")

    segment_id: str = Field(min_length=1, max_length=255)
    first: int = Field(10, ge=0, le=100, strict=True)


class PredictionRequest(BaseModel):
    """One customer, or many who are answered as one batch."""

    customer_id: CustomerId | None = None
    customer_ids: CustomerIds | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.customer_id is None) == (self.customer_ids is None):
            raise ValueError("Give either customer_id or customer_ids.")
        return self


@router.post("/nbo/")
async def predict_nbo(request: Request, body: PredictionRequest) -> NboAnswer | Batch[NboAnswer]:
    """The offer with the highest score, and the scores of all offers."""
    return await _predicted(request, body, NBO.name)


@router.post("/churn/")
async def predict_churn(request: Request, body: PredictionRequest) -> ChurnPrediction | Batch[ChurnPrediction]:
    """Churn probability, risk and recommendations."""
    return await _predicted(request, body, CHURN.name)


@router.post("/rfm/")
async def calculate_rfm(request: Request, body: PredictionRequest) -> RfmScores | Batch[RfmScores]:
    """Recency, frequency and monetary scores from 1 to 5, and the segment."""
    return await _predicted(request, body, RFM)


@router.post("/{model}/")
async def predict(request: Request, model: str, body: PredictionRequest) -> OtherPrediction | Batch[OtherPrediction]:
    """The prediction of any other model, by name."""
    return await _predicted(request, body, model)


@router.post("/segment/{kind}/", response_model=SegmentPredicted, dependencies=[rule_slot])
def predict_segment(kind: Kind, request: SegmentRequest) -> SegmentPrediction:
    """Aggregates over all members of a segment, and the predictions of the first members."""
    return get_services().inference.predict_segment(request.segment_id, kind, first=request.first)


def routes_by_kind() -> dict[str, APIRoute]:
    """The routes for one kind of prediction each."""
    of_path = {route.path: route for route in router.routes if isinstance(route, APIRoute)}
    return {kind: of_path[f"{router.prefix}/{kind}/"] for kind in (NBO.name, CHURN.name, RFM)}


async def predict_one(kind: str, customer_id: str) -> Any:
    """The answer for one customer, at once if all that it needs is in memory, else from another thread."""
    with suppress(NotInMemory), memory_only():
        return _predict_one(kind, customer_id)
    context = copy_context()  # has who is acting
    return await asyncio.get_running_loop().run_in_executor(
        _threads, lambda: context.run(_predict_one, kind, customer_id)
    )


async def _predicted(request: Request, body: PredictionRequest, kind: str) -> Any:
    """The answer for one customer, or for many in a slot of the work that is limited."""
    if body.customer_id is not None:
        return await predict_one(kind, body.customer_id)
    async with rule_slot_of(request):
        return await run_in_threadpool(_predict_many, kind, body.customer_ids or [])


def _predict_one(kind: str, customer_id: str) -> Any:
    services = get_services()
    inference = services.inference
    add_keys = adding_keys(services, kind)
    return add_keys(inference.calculate_rfm(customer_id) if kind == RFM else inference.predict(kind, customer_id))


def _predict_many(kind: str, customer_ids: list[str]) -> Response:
    found = predictions_of(get_services(), kind, customer_ids)
    unknown = [customer_id for customer_id in dict.fromkeys(customer_ids) if customer_id not in found]
    answer = FastJSONResponse({"results": list(found.values()), "unknown": unknown})
    mark(answer)  # what dependencies set is lost where a route answers with a response of its own
    return answer
