"""Which models answer, and whether their files are intact."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.days import Day
from loyalty_core.api.errors import Reason, as_reason
from loyalty_core.api.models.answers import ExperimentAnswer, FindingAnswer
from loyalty_core.api.work_limits import rule_slot
from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.bundles import running_experiment
from loyalty_core.ml.serving import ModelStatus
from loyalty_core.ml.tasks import TASKS
from loyalty_core.ml.training import Readiness, read_readiness
from loyalty_core.ml.versions import read_versions
from loyalty_core.services import Services, get_services
from loyalty_core.warehouse.predictions import last_run

router = APIRouter(dependencies=[allowed(Action.VIEW)])


class ServedModel(BaseModel):
    """Whether a model answers, and since when it is trained."""

    title: str
    file: str
    available: bool
    trained_at: datetime | None


class LastScoring(BaseModel):
    """The run that wrote the stored predictions."""

    model_version: str
    scored_at: datetime


class StatusAnswer(BaseModel):
    """`status` is `degraded` if another version answers than the active one, or an A/B test does not run.

    `version` is null if no model can answer, and `refusal` says why; in mock mode predictions are made up.
    """

    status: Literal["ok", "mock", "degraded", "unavailable"]
    mock_mode: bool
    version: str | None
    models: dict[str, ServedModel]
    features: list[str]
    refusal: Reason | None
    experiment: ExperimentAnswer | None
    experiment_refusal: Reason | None
    last_scoring: LastScoring | None


@router.get("/status/")
def read_status() -> StatusAnswer:
    """Which version answers, its models, an A/B test that runs, and the last scoring."""
    services = get_services()
    found = services.inference.status()
    return StatusAnswer(
        status=_status(found),
        mock_mode=found.is_mock,
        version=found.version,
        models=_models(services, found),
        features=list(services.settings.ml_feature_mapping),
        refusal=as_reason(found.refusal) if found.refusal else None,
        experiment=ExperimentAnswer.of(found.experiment),
        experiment_refusal=as_reason(found.experiment_refusal) if found.experiment_refusal else None,
        last_scoring=_last_scoring(services),
    )


class ReadinessAnswer(BaseModel):
    """The history of a model: `classes` counts its rows by label, `blanks` those without a value by feature.

    `unlabelled` rows are left out of training. `sampled_rows` of them were read to look for leaks and copies.
    """

    can_train: bool
    source: str
    rows: int
    unlabelled: int
    customers: int | None
    classes: dict[str, int]
    first: date | None
    last: date | None
    blanks: dict[str, int]
    findings: list[FindingAnswer]
    sampled_rows: int


class ReadinessOfModels(BaseModel):
    """What can be trained, by model; `unavailable` says why a history cannot be read."""

    models: dict[str, ReadinessAnswer]
    unavailable: dict[str, Reason]


@router.get("/readiness/", response_model=ReadinessOfModels, dependencies=[rule_slot])
def read_training_readiness(
    since: Annotated[Day | None, Query(description="First day of the rows")] = None,
    until: Annotated[Day | None, Query(description="Last day of the rows")] = None,
) -> dict[str, Any]:
    """Whether the histories suffice for training, from the day `since` up to `until`: what `train/` would leave out.

    `findings` are those that a training has: leaks, copies, drift of the label, newest labels that are not final.
    """
    warehouse = get_services().warehouse
    models: dict[str, Readiness] = {}
    unavailable: dict[str, Reason] = {}
    for name, task in TASKS.items():
        try:
            models[name] = read_readiness(warehouse, task, since, until)
        except LoyaltyError as error:
            unavailable[name] = as_reason(error)
    return {"models": models, "unavailable": unavailable}


@router.get("/experiment/")
def read_experiment() -> ExperimentAnswer | None:
    """The A/B test that runs; null without one."""
    return ExperimentAnswer.of(running_experiment(get_services().settings.models_dir))


def _status(found: ModelStatus) -> Literal["ok", "mock", "degraded", "unavailable"]:
    if found.is_mock:
        return "mock"
    if found.version is None:
        return "unavailable"
    return "degraded" if found.refusal or found.experiment_refusal else "ok"


def _models(services: Services, found: ModelStatus) -> dict[str, ServedModel]:
    records = read_versions(services.settings.models_dir)
    entries = next((record.models for record in records if record.version == found.version), {})
    return {
        name: ServedModel(
            title=task.title,
            file=task.file,
            available=(found.is_mock and task.has_mock) or name in entries,
            trained_at=datetime.fromisoformat(entries[name]["trained_at"]) if name in entries else None,
        )
        for name, task in TASKS.items()
    }


def _last_scoring(services: Services) -> LastScoring | None:
    """None before the first, and while the warehouse cannot be read."""
    try:
        run = last_run(services.warehouse)
    except LoyaltyError:
        return None
    return LastScoring(model_version=run.model_version, scored_at=run.scored_at) if run else None
