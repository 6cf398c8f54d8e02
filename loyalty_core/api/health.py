"""Health of the app: for people, and for whatever starts it, sends it requests and restarts it."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from loyalty_core.access import Action
from loyalty_core.api.access import allowed, open_to_all
from loyalty_core.api.json_values import JsonObject
from loyalty_core.health import check_health, check_readiness
from loyalty_core.services import get_services, services_of_process

router = APIRouter()


@router.get("/health/", dependencies=[allowed(Action.VIEW)])
def read_health() -> JsonObject:
    """Every check of System health; `status` is the worst of them."""
    checks = check_health(get_services())
    worst = next((status for status in ("error", "warning") if any(c.status == status for c in checks)), "ok")
    return {"status": worst, "checks": [vars(check) for check in checks]}


@router.get("/health/live", include_in_schema=False, dependencies=[open_to_all])
@router.get("/health/live/", dependencies=[open_to_all])
async def read_liveness() -> JsonObject:
    """Whether the process answers; nothing is checked, so that an outage elsewhere never restarts it."""
    return {"status": "ok"}


@router.get("/health/ready", include_in_schema=False, response_model=None, dependencies=[open_to_all])
@router.get("/health/ready/", response_model=None, dependencies=[open_to_all])
def read_readiness() -> JsonObject | JSONResponse:
    """Whether the warehouse and the state store can be used; 503 where one cannot."""
    checks = check_readiness(services_of_process())
    failed = [check for check in checks if check.status == "error"]
    if not failed:
        return {"status": "ok", "checks": [vars(check) for check in checks]}
    detail = " ".join(f"{check.detail} {check.remedy}".strip() for check in failed)
    content = {"error": "not_ready", "detail": detail, "checks": [vars(check) for check in checks]}
    return JSONResponse(content, status_code=503)
