"""The configuration, read only: it is changed by settings, never over HTTP."""

from collections.abc import Mapping

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.json_values import JsonValue
from loyalty_core.services import get_services
from loyalty_core.settings import RfmMeasure

router = APIRouter(prefix="/config")


class ChurnThresholds(BaseModel):
    """The probabilities from which the churn risk is medium and high."""

    medium: float
    high: float


class RfmConfiguration(BaseModel):
    """How RFM scores are computed; `columns` and `cut_points` are those that were set, by measure."""

    rule: str
    columns: Mapping[RfmMeasure, str]
    cut_points: Mapping[RfmMeasure, tuple[float, float, float, float]]


class MlConfiguration(BaseModel):
    """The settings that predictions depend on; `feature_mapping` has the columns that each feature is read from."""

    mock_mode: bool
    feature_mapping: dict[str, str | list[str]]
    input_size: int
    churn_thresholds: ChurnThresholds
    training: dict[str, JsonValue]
    versions_kept: int
    rfm: RfmConfiguration


class WarehouseTest(BaseModel):
    """Whether the warehouse answers, how long that took, and whether its account can write and is limited in time."""

    success: bool
    message: str
    dialect: str
    server: str
    seconds: float
    refuses_writes: bool
    limits_time: bool


@router.get("/ml/", dependencies=[allowed(Action.VIEW)])
def read_ml_configuration() -> MlConfiguration:
    """The settings that predictions depend on."""
    settings = get_services().settings
    return MlConfiguration(
        mock_mode=settings.ml_mock_mode,
        feature_mapping=settings.ml_feature_mapping,
        input_size=settings.ml_model_input_size,
        churn_thresholds=ChurnThresholds(
            medium=settings.ml_churn_medium_threshold, high=settings.ml_churn_high_threshold
        ),
        training=settings.ml_training,
        versions_kept=settings.ml_versions_kept,
        rfm=RfmConfiguration(rule=settings.rfm_rule, columns=settings.rfm_columns, cut_points=settings.rfm_cut_points),
    )


@router.get("/dwh/test/", dependencies=[allowed(Action.VIEW)])
def test_warehouse() -> WarehouseTest:
    """Whether the configured warehouse answers: 200 either way, with `success` and what was found."""
    health = get_services().warehouse.health()
    return WarehouseTest(
        success=health.ok,
        message=f"{health.place} answers." if health.error is None else str(health.error),
        dialect=health.dialect,
        server=health.server,
        seconds=health.seconds,
        refuses_writes=health.guards.refuses_writes,
        limits_time=health.guards.limits_time,
    )


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
