"""Two versions compared, on the same test rows and on today's customers."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from loyalty_core.access import Action, current_viewer
from loyalty_core.api.access import allowed
from loyalty_core.api.errors import NotCompared
from loyalty_core.api.jobs import JobAnswer, accepted
from loyalty_core.api.json_values import FastJSONResponse
from loyalty_core.api.models.answers import VersionName, find, find_active
from loyalty_core.ml.tasks import title_of
from loyalty_core.ml.versions import SameRows, Shift, losses_to
from loyalty_core.services import Services, get_services

router = APIRouter(prefix="/versions/{version}/comparison")

Against = Annotated[str | None, Query(max_length=60, description="Another version; by default the active one")]


class ComparisonBody(BaseModel):
    """The version to compare with; by default the active one."""

    model_config = ConfigDict(extra="forbid", strict=True)

    against: str | None = Field(default=None, max_length=60)


class WorseModel(BaseModel):
    """A model that is worse by its main metric."""

    model: str
    title: str
    metric: str


class ComparisonAnswer(BaseModel):
    """Two versions compared: `same_rows` by model, `shifts` of all customers first and then of each segment."""

    version: str
    against: str
    compared_at: datetime
    same_rows: dict[str, SameRows]
    shifts: list[Shift]
    offers: list[int]
    remarks: list[str]
    data_changed: bool
    worse: list[WorseModel]


@router.get("/", response_model=ComparisonAnswer, dependencies=[allowed(Action.VIEW)])
def read_comparison(version: VersionName, against: Against = None) -> FastJSONResponse:
    """The last comparison of two versions: `same_rows` by model, `shifts` of all customers and of each segment.

    `worse` names the models that are worse than those of the other version, by their main metric.
    """
    services = get_services()
    record, other = find(services, version), find(services, _other(services, against))
    found = services.comparisons.find(version, other.version)
    if found is None:
        raise NotCompared(
            f"{version} was not compared with {other.version} on this data.",
            remedy="Start the comparison with POST to the same address.",
        )
    lost = losses_to(record, other, found)
    worse = [{"model": name, "title": title_of(name), "metric": metric.key} for name, metric in lost.items()]
    return FastJSONResponse({**asdict(found), "worse": worse})


@router.post("/", status_code=202, dependencies=[allowed(Action.TRAIN)])
def start_comparison(
    version: VersionName,
    request: Request,
    response: Response,
    body: Annotated[ComparisonBody | None, Body()] = None,
) -> JobAnswer:
    """Compare two versions in the background."""
    services = get_services()
    options = {
        "version": find(services, version).version,
        "against": find(services, _other(services, body.against if body else None)).version,
    }
    return accepted(services.jobs.start("comparison", options, current_viewer().id), request, response)


def _other(services: Services, against: str | None) -> str:
    return against if against is not None else find_active(services).version
