"""Which version answers: activate, roll back, discard, and A/B tests, with the refusals of the Training screen."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict, Field

from loyalty_core.access import Action, current_viewer
from loyalty_core.api.access import allowed
from loyalty_core.api.conditional import Conditional, Conditions
from loyalty_core.api.errors import STATUSES, VersionRefused
from loyalty_core.api.models.answers import (
    ExperimentAnswer,
    Features,
    Share,
    VersionAnswer,
    VersionName,
    describe,
    find,
    find_active,
)
from loyalty_core.errors import LoyaltyError, StateStoreUnavailable, WarehouseUnavailable
from loyalty_core.ml.bundles import ModelNotFound
from loyalty_core.services import Services, get_services

router = APIRouter(dependencies=[allowed(Action.ACTIVATE_MODELS)])


class ActivationBody(BaseModel):
    """What is confirmed.

    `even_if_worse`: that a version that measures worse than the active one is meant. `accepted_leaks`: the names of
    features that seem to give away the label, and are known before it nonetheless.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    even_if_worse: bool = False
    accepted_leaks: Features = []


class ExperimentBody(BaseModel):
    """The version that answers a share of the customers beside the active one.

    `accepted_leaks` as for an activation.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    challenger: str = Field(min_length=1, max_length=60)
    share: Share
    accepted_leaks: Features = []


class ShareBody(BaseModel):
    """The new, larger share."""

    model_config = ConfigDict(extra="forbid", strict=True)

    share: Share


@router.post("/versions/rollback/")
def roll_back(conditions: Conditional) -> VersionAnswer:
    """Activate the version that was active before; repeated calls go further back."""
    services = get_services()
    _require_unchanged(services, conditions)
    with _refusals():
        version = services.promotion.rollback(current_viewer().id)
    return _marked(services, version, conditions)


@router.post("/versions/{version}/activate/")
def activate_version(
    version: VersionName, conditions: Conditional, body: Annotated[ActivationBody | None, Body()] = None
) -> VersionAnswer:
    """Let a version answer everybody, which ends an A/B test; with If-Match only in place of that active version.

    409 `worse_version` for one that measures worse than the active one, unless `even_if_worse` is true, and
    `unconfirmed_leak` for one with a feature that seems to give away the label, unless `accepted_leaks` names it.
    """
    services = get_services()
    find(services, version)
    _require_unchanged(services, conditions)
    confirmed = body or ActivationBody()
    with _refusals():
        services.promotion.activate(
            version,
            current_viewer().id,
            even_if_worse=confirmed.even_if_worse,
            accepted_leaks=confirmed.accepted_leaks,
        )
    return _marked(services, version, conditions)


@router.delete("/versions/{version}/", status_code=204)
def discard_version(version: VersionName) -> Response:
    """Delete a version that does not answer anybody."""
    services = get_services()
    find(services, version)
    services.promotion.discard(version, current_viewer().id)
    return Response(status_code=204)


@router.post("/experiment/", status_code=201)
def start_experiment(body: ExperimentBody) -> ExperimentAnswer | None:
    """Start an A/B test."""
    services = get_services()
    find(services, body.challenger)
    with _refusals():
        started = services.promotion.start_test(body.challenger, body.share, current_viewer().id, body.accepted_leaks)
    return ExperimentAnswer.of(started)


@router.patch("/experiment/")
def grow_experiment(body: ShareBody) -> ExperimentAnswer | None:
    """Let the challenger answer more customers."""
    with _refusals():
        grown = get_services().promotion.grow_test(body.share, current_viewer().id)
    return ExperimentAnswer.of(grown)


@router.delete("/experiment/", status_code=204)
def stop_experiment() -> Response:
    """Let the active version answer everybody again."""
    with _refusals():
        get_services().promotion.stop_test(current_viewer().id)
    return Response(status_code=204)


@contextmanager
def _refusals() -> Iterator[None]:
    """A version that cannot be used is a conflict with the request rather than an outage."""
    try:
        yield
    except (StateStoreUnavailable, WarehouseUnavailable):
        raise
    except LoyaltyError as error:
        if isinstance(error, tuple(STATUSES)):
            raise
        raise VersionRefused(error.what, error.why, error.remedy) from error


def _require_unchanged(services: Services, conditions: Conditions) -> None:
    """If-Match names the active version; before the first activation nothing can match."""
    if not conditions.names_state:
        return
    try:
        active = describe(find_active(services), services).model_dump()
    except ModelNotFound:
        active = None
    conditions.require_unchanged(active)


def _marked(services: Services, version: str, conditions: Conditions) -> VersionAnswer:
    answer = describe(find(services, version), services)
    conditions.mark(answer.model_dump())
    return answer
