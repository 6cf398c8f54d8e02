"""Features of customers, and the cache that they are served from."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.customer_ids import CustomerIds
from loyalty_core.api.json_values import FastJSONResponse, Features
from loyalty_core.api.work_limits import rule_slot
from loyalty_core.services import get_services

router = APIRouter(prefix="/dwh")


class CustomersBody(BaseModel):
    """The customers to read."""

    model_config = ConfigDict(extra="forbid")

    customer_ids: CustomerIds


class InvalidationBody(BaseModel):
    """The customers to read anew; without ids, all."""

    model_config = ConfigDict(extra="forbid")

    customer_ids: CustomerIds | None = None


class InvalidationAnswer(BaseModel):
    """How many customers were in the cache."""

    status: Literal["ok"]
    invalidated: int


@router.get("/features/{customer_id:path}/", dependencies=[allowed(Action.VIEW)])
def read_features(customer_id: str) -> Features:
    """One customer's features; the id may contain slashes."""
    return get_services().features.get(customer_id)


@router.post(
    "/features/batch/", response_model=dict[str, Features | None], dependencies=[allowed(Action.VIEW), rule_slot]
)
def read_features_of_many(body: CustomersBody) -> Response:
    """The features of many customers by id, read with one query; null for ids of no customer."""
    found = get_services().features.get_many(body.customer_ids)
    return FastJSONResponse({customer_id: found.get(customer_id) for customer_id in body.customer_ids})


@router.post("/cache/invalidate/", dependencies=[allowed(Action.SCORE)])
def invalidate_cache(body: InvalidationBody | None = None) -> InvalidationAnswer:
    """Remove features from the cache, so that the next request reads the warehouse; `invalidated` were cached."""
    services, ids = get_services(), body.customer_ids if body else None
    features = services.features
    invalidated = features.invalidate_all() if ids is None else features.invalidate(ids)
    with services.store.session() as session:
        services.invalidations.announce(session, ids)
    return InvalidationAnswer(status="ok", invalidated=invalidated)
