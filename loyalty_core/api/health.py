"""Health of the app: for people, and for whatever starts it, sends it requests and restarts it."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from loyalty_core.access import Action
from loyalty_core.api.access import allowed, open_to_all
from loyalty_core.api.errors import error_answer
from loyalty_core.api.json_values import FastJSONResponse
from loyalty_core.health import Status, check_health, check_readiness
from loyalty_core.services import get_services, services_of_process

router = APIRouter()


class CheckAnswer(BaseModel):
    """One check: `detail` has the facts, and `remedy` what to do unless the status is ok."""

    area: str
    name: str
    status: Status
    detail: str
    remedy: str


class HealthAnswer(BaseModel):
    """All checks; `status` is the worst of them."""

    status: Status
    checks: list[CheckAnswer]


class LivenessAnswer(BaseModel):
    """The process answers."""

    status: Literal["ok"]


@router.get("/health/", response_model=HealthAnswer, dependencies=[allowed(Action.VIEW)])
def read_health() -> Response:
    """Every check of System health; `status` is the worst of them."""
    checks = check_health(get_services())
    worst = next((status for status in ("error", "warning") if any(c.status == status for c in checks)), "ok")
    return FastJSONResponse({"status": worst, "checks": checks})


@router.get("/health/live", include_in_schema=False, dependencies=[open_to_all])
@router.get("/health/live/", dependencies=[open_to_all])
async def read_liveness() -> LivenessAnswer:
    """Whether the process answers; nothing is checked, so that an outage elsewhere never restarts it."""
    return LivenessAnswer(status="ok")


@router.get("/health/ready", include_in_schema=False, dependencies=[open_to_all])
@router.get("/health/ready/", response_model=HealthAnswer, dependencies=[open_to_all])
def read_readiness() -> Response:
    """Whether the warehouse and the state store can be used; 503 where one cannot."""
    checks = check_readiness(services_of_process())
    failed = [check for check in checks if check.status == "error"]
    if not failed:
        return FastJSONResponse({"status": "ok", "checks": checks})
    detail = " ".join(f"{check.detail} {check.remedy}".strip() for check in failed)
    return error_answer(503, "not_ready", detail, checks=[vars(check) for check in checks])
