"""The settings of the models, of their training and of RFM."""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, FiniteFloat, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

RfmMeasure = Literal["recency", "frequency", "monetary"]

DEFAULT_FEATURE_MAPPING: dict[str, str | list[str]] = {
    "revenue": "total_revenue",
    "transaction_count": "transaction_count",
    "days_since_last": ["last_purchase_days_ago", "days_since_last_transaction"],
    "avg_transaction_value": "avg_transaction_value",
    "lifetime_value": "lifetime_value",
}


class ModelSettings(BaseSettings):
    """Part of `Settings`."""

    models_dir: Path = Field(Path("models"), description="Folder of the trained models")
    ml_mock_mode: bool = Field(
        False, description="Sample predictions by formula, without model files; everything says so"
    )
    ml_feature_mapping: dict[str, str | list[str]] = Field(
        DEFAULT_FEATURE_MAPPING,
        min_length=1,
        description="Model feature → column, or a list of column names tried in order",
    )
    ml_model_input_size: int = Field(
        5, ge=1, description="Number of mapped features; must equal the size of ml_feature_mapping"
    )
    ml_trained_elsewhere: bool = Field(
        False, description="Models that were trained on other data answer here too, instead of being refused"
    )
    ml_training: dict[str, Any] = Field(
        {}, description="Training options for both models; under `churn` and `nbo`, for one (docs/machine-learning.md)"
    )
    rfm_rule: Literal["default", "r"] = Field(
        "default", description="How RFM cut points are computed: quintiles, or as the R package rfm does it"
    )
    rfm_columns: dict[RfmMeasure, str] = Field(
        {}, description="Own columns for recency, frequency, monetary; without them, those of ml_feature_mapping"
    )
    rfm_cut_points: dict[RfmMeasure, tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]] = Field(
        {}, description="Own cut points for recency, frequency, monetary: four numbers each, smallest first"
    )
    rfm_cut_points_max_age_hours: float = Field(
        24, gt=0, description="RFM cut points older than this are computed again"
    )
    ml_churn_medium_threshold: float = Field(
        0.4, gt=0, lt=1, description="Churn probability from which the risk is medium"
    )
    ml_churn_high_threshold: float = Field(
        0.7, gt=0, lt=1, validate_default=True, description="Churn probability from which the risk is high"
    )
    ml_score_in_warehouse: bool = Field(
        False, description="Scoring runs are computed by the warehouse, as SQL (docs/scoring.md)"
    )
    ml_versions_kept: int = Field(5, ge=1, description="Earlier model versions stored beside the active one")
    mlflow_tracking_uri: str | None = Field(
        None, description="MLflow server (http://host:5000) that trainings are logged to; without it, none are"
    )
    mlflow_experiment_name: str = Field("Loyalty workbench", min_length=1, description="MLflow experiment of the runs")

    @field_validator("ml_feature_mapping", "ml_training", "rfm_columns", "rfm_cut_points", mode="before")
    @classmethod
    def _from_json(cls, value: Any) -> Any:
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError:
            raise ValueError('JSON, such as {"name": "column"}') from None

    @field_validator("ml_feature_mapping")
    @classmethod
    def _mapping(cls, value: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
        if not all(value.values()) or not all(all(names) for names in value.values()):
            raise ValueError("a column name or a list of column names for every feature")
        return value

    @field_validator("ml_churn_high_threshold")
    @classmethod
    def _above_medium(cls, value: float, info: ValidationInfo) -> float:
        medium = info.data.get("ml_churn_medium_threshold")
        if medium is not None and value <= medium:
            raise ValueError(f"a number above ML_CHURN_MEDIUM_THRESHOLD, which is {medium:g}")
        return value

    @field_validator("rfm_cut_points")
    @classmethod
    def _cut_points(cls, value: dict[RfmMeasure, tuple[float, ...]]) -> dict[RfmMeasure, tuple[float, ...]]:
        if not all(list(points) == sorted(points) for points in value.values()):
            raise ValueError("four numbers, smallest first")
        return value
