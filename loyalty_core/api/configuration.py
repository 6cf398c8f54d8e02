"""The configuration, read only: it is changed by settings, never over HTTP."""

from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.json_values import JsonObject
from loyalty_core.services import get_services

router = APIRouter(prefix="/config")


@router.get("/ml/", dependencies=[allowed(Action.VIEW)])
def read_ml_configuration() -> JsonObject:
    """The settings that predictions depend on."""
    settings = get_services().settings
    return {
        "mock_mode": settings.ml_mock_mode,
        "feature_mapping": settings.ml_feature_mapping,
        "input_size": settings.ml_model_input_size,
        "churn_thresholds": {
            "medium": settings.ml_churn_medium_threshold,
            "high": settings.ml_churn_high_threshold,
        },
        "training": settings.ml_training,
        "versions_kept": settings.ml_versions_kept,
        "rfm": {
            "rule": settings.rfm_rule,
            "columns": settings.rfm_columns,
            "cut_points": settings.rfm_cut_points,
        },
    }


@router.get("/dwh/test/", dependencies=[allowed(Action.VIEW)])
def test_warehouse() -> dict[str, Any]:
    """Whether the configured warehouse answers: 200 either way, with `success` and what was found."""
    health = get_services().warehouse.health()
    return {
        "success": health.ok,
        "message": f"{health.place} answers." if health.error is None else str(health.error),
        "dialect": health.dialect,
        "server": health.server,
        "seconds": health.seconds,
        "refuses_writes": health.guards.refuses_writes,
        "limits_time": health.guards.limits_time,
    }


async def _refuse() -> None:
    """Changing the configuration over HTTP is not offered: a stolen key could point the product elsewhere."""
    raise HTTPException(
        405,
        "The configuration is not changed over HTTP: edit the settings (docs/settings.md) and restart.",
        {"Allow": "GET"},
    )


for path in ("/ml/", "/dwh/", "/dwh/test/"):
    router.add_api_route(
        path,
        _refuse,
        methods=["POST", "PUT", "PATCH", "DELETE"],
        dependencies=[allowed(Action.VIEW)],
        include_in_schema=False,
    )
