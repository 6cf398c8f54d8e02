"""Training and scoring as background jobs, and a test of the models on some customers."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from loyalty_core.access import Action, current_viewer, require
from loyalty_core.api.access import allowed
from loyalty_core.api.customer_ids import CustomerId
from loyalty_core.api.days import Day
from loyalty_core.api.errors import BadTraining, Reason, as_reason
from loyalty_core.api.jobs import JobAnswer, accepted
from loyalty_core.api.prediction_answers import NboAnswer, RfmScores, predictions_of
from loyalty_core.api.prediction_kinds import is_optional
from loyalty_core.api.predictions import mark_mock_mode
from loyalty_core.api.work_limits import rule_slot
from loyalty_core.errors import LoyaltyError, SettingsError
from loyalty_core.ml.bundles import ModelNotFound
from loyalty_core.ml.scoring import kinds
from loyalty_core.ml.tasks import UPLIFT, ChurnPrediction, TrainingRefused, task_named
from loyalty_core.ml.training import Readiness, read_readiness
from loyalty_core.services import Services, get_services
from loyalty_core.warehouse.history import HistoryMissing
from loyalty_core.work.training import chosen_options

router = APIRouter()

MAX_TESTED = 100


class TrainingBody(BaseModel):
    """What to train, and the options of the training script; what is left out follows the settings, or the rows.

    `models` are names, by default all; `since` and `until` are the first and the last day whose rows train;
    `architecture` has the units of each hidden layer. `campaigns` are ids: the uplift model,
    which must be the only one, then learns from their recorded outcomes, and `channel` limits what it learns from to
    one channel. With `activate_and_score`, models that nothing speaks against are
    activated and all customers scored.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    models: list[str] | None = Field(default=None, min_length=1, max_length=20)
    since: Day | None = Field(default=None, strict=False)
    until: Day | None = Field(default=None, strict=False)
    epochs: int | None = None
    architecture: list[int] | None = Field(default=None, max_length=20)
    activation: str | None = None
    dropout: float | None = None
    members: int | None = None
    pieces: int | None = None
    l2: float | None = None
    patience: int | None = None
    batch_size: int | None = None
    optimizer: str | None = None
    learning_rate: float | None = None
    loss: str | None = None
    class_weights: Literal["auto", "balanced", "none"] | None = None
    seed: int | None = None
    most_rows: int | None = None
    channel: str | None = None
    campaigns: list[str] | None = Field(default=None, min_length=1, max_length=100)
    activate_and_score: bool | None = None


class ModelTestBody(BaseModel):
    """The customers to predict for."""

    model_config = ConfigDict(extra="forbid")

    customer_ids: Annotated[list[CustomerId], Field(min_length=1, max_length=MAX_TESTED)]


class CustomerTested(BaseModel):
    """The predictions for one customer by model; one that cannot be made is left out."""

    model_config = ConfigDict(extra="allow")

    customer_id: str
    churn: ChurnPrediction | None = None
    nbo: NboAnswer | None = None
    rfm: RfmScores | None = None


class ModelTestAnswer(BaseModel):
    """Every prediction by customer; `errors` says by model why one cannot be made, and `unknown` are unknown ids."""

    version: str | None
    results: list[CustomerTested]
    unknown: list[str]
    errors: dict[str, Reason]


@router.post("/train/", status_code=202, dependencies=[allowed(Action.TRAIN)])
def start_training(
    request: Request, response: Response, body: Annotated[TrainingBody | None, Body()] = None
) -> JobAnswer:
    """Train a new version in the background; the active one stays active, unless `activate_and_score` is true.

    That needs the rights to activate models and to score too. Models whose history is not ready are left out; 409
    `training_refused` if none is, and `job_running` while a training is under way.
    """
    services, actor = get_services(), current_viewer().id
    given = (body or TrainingBody()).model_dump(exclude_none=True, mode="json")
    if given.get("activate_and_score"):
        require(Action.ACTIVATE_MODELS)
        require(Action.SCORE)
    options = {**given, "models": _ready(services, given), "trained_by": actor}
    return accepted(services.jobs.start("training", options, actor), request, response)


@router.post("/score/", status_code=202, dependencies=[allowed(Action.SCORE)])
def start_scoring(request: Request, response: Response) -> JobAnswer:
    """Score every customer with the active models in the background, then compute all segments."""
    job = get_services().jobs.start("scoring", {}, current_viewer().id)
    return accepted(job, request, response)


@router.post(
    "/test/",
    response_model=ModelTestAnswer,
    response_model_exclude_unset=True,
    dependencies=[allowed(Action.VIEW), Depends(mark_mock_mode), rule_slot],
)
def test_models(body: ModelTestBody) -> dict[str, Any]:
    """Every prediction for up to 100 customers, answered at once: `results` by customer, `unknown` ids.

    `errors` has the predictions that cannot be made, with the reason.
    """
    services = get_services()
    known = services.features.get_many(body.customer_ids)
    results: dict[str, dict[str, Any]] = {customer_id: {"customer_id": customer_id} for customer_id in known}
    errors: dict[str, Reason] = {}
    for kind in kinds():
        try:
            answers = predictions_of(services, kind, list(known))
        except LoyaltyError as error:
            if not (isinstance(error, ModelNotFound) and is_optional(kind)):
                errors[kind] = as_reason(error)
            continue
        for customer_id, answer in answers.items():
            results[customer_id][kind] = answer
    return {
        "version": services.inference.status().version,
        "results": list(results.values()),
        "unknown": [one for one in dict.fromkeys(body.customer_ids) if one not in known],
        "errors": errors,
    }


def _ready(services: Services, given: dict[str, Any]) -> list[str]:
    """The models that can be trained; raises `BadTraining`, and `TrainingRefused` if there is none."""
    try:
        wanted = chosen_options(services.settings, given)
    except SettingsError as error:
        raise BadTraining(error.what, error.why, error.remedy) from error
    if campaigns := given.get("campaigns"):
        if list(wanted) != [UPLIFT.name]:
            raise BadTraining("Only the uplift model learns from campaigns.", remedy='Send "models": ["uplift"].')
        services.campaigns.treatment_history(campaigns)
        return [UPLIFT.name]
    found: list[Readiness] = []
    for name, options in wanted.items():
        try:
            found.append(read_readiness(services.warehouse, task_named(name), options.since, options.until))
        except HistoryMissing:
            if len(wanted) == 1 or not is_optional(name):
                raise
    ready = [one.model for one in found if one.can_train]
    if not ready:
        raise TrainingRefused(found[0].source, found[0].findings)
    return ready
