"""Model versions as the API describes them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import AfterValidator, BaseModel, Field

from loyalty_core.api.errors import Reason, as_reason
from loyalty_core.api.json_values import JsonValue
from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.bundles import Experiment, ModelNotFound, VersionNotFound
from loyalty_core.ml.evaluation import objections_to
from loyalty_core.ml.serving import is_of_other_data
from loyalty_core.ml.tasks import CHURN, TASKS, title_of
from loyalty_core.ml.versions import VersionRecord, read_versions
from loyalty_core.services import Services


class FindingAnswer(BaseModel):
    """What was found in a history, or of the model that learned from it.

    A "stop" prevents training. With "confirm" a version is activated only if `accepted_leaks` names the `feature`, with
    "hold" not by the training itself. A "warning" says that the model may be worse for it.
    """

    severity: Literal["stop", "confirm", "hold", "warning"]
    sentence: str
    remedy: str
    feature: str


class TrainedModel(BaseModel):
    """One model of a version as measured at its training; `objections` are why it is not activated automatically."""

    title: str
    trained_at: datetime
    rows: dict[str, JsonValue]
    window: dict[str, JsonValue]
    metrics: dict[str, JsonValue]
    offers: list[int]
    findings: list[FindingAnswer]
    objections: list[str]


class VersionAnswer(BaseModel):
    """A version; `refusal` says why it cannot be used, and `of_other_data` that it was trained for another warehouse.

    `activated_at` and `activated_by` are those of the active version, otherwise null and empty. `left_out` has the
    models that its training left out, each with the reason.
    """

    version: str
    is_active: bool
    of_other_data: bool
    created_at: datetime | None
    trained_by: str
    activated_at: datetime | None
    activated_by: str
    models: dict[str, TrainedModel]
    left_out: dict[str, str]
    refusal: Reason | None


class ExperimentAnswer(BaseModel):
    """An A/B test: the challenger answers `share` (0 to 1) of the customers beside the champion."""

    champion: str
    challenger: str
    share: float
    started_at: datetime
    started_by: str

    @classmethod
    def of(cls, experiment: Experiment | None) -> "ExperimentAnswer | None":
        if experiment is None:
            return None
        return cls(
            champion=experiment.champion,
            challenger=experiment.challenger,
            share=experiment.share,
            started_at=experiment.start,
            started_by=experiment.started_by,
        )


def describe(record: VersionRecord, services: Services) -> VersionAnswer:
    """The version as it is on disk; only its manifest is read."""
    return VersionAnswer(
        version=record.version,
        is_active=record.is_active,
        of_other_data=_is_of_other_data(record, services),
        created_at=record.created_at,
        trained_by=record.trained_by,
        activated_at=record.activated_at,
        activated_by=record.activated_by,
        models={name: _model(name, entry) for name, entry in record.models.items() if name in TASKS},
        left_out=dict(record.left_out),
        refusal=as_reason(record.refusal) if record.refusal else None,
    )


def find(services: Services, version: str) -> VersionRecord:
    """The version; raises `VersionNotFound`."""
    records = read_versions(services.settings.models_dir)
    found = next((record for record in records if record.version == version), None)
    if found is None:
        raise VersionNotFound(version)
    return found


def find_active(services: Services) -> VersionRecord:
    """The active version; raises `ModelNotFound` before the first activation."""
    active = next((record for record in read_versions(services.settings.models_dir) if record.is_active), None)
    if active is None:
        raise ModelNotFound(services.settings.models_dir / CHURN.file)
    return active


def _is_of_other_data(record: VersionRecord, services: Services) -> bool:
    """False while the warehouse cannot say which data it has."""
    try:
        return record.manifest is not None and is_of_other_data(record.manifest, services.warehouse)
    except LoyaltyError:
        return False


def _model(name: str, entry: Mapping[str, Any]) -> TrainedModel:
    return TrainedModel(
        title=title_of(name),
        trained_at=datetime.fromisoformat(entry["trained_at"]),
        rows=entry["rows"],
        window=entry["window"],
        metrics=entry["metrics"],
        offers=list(entry["offers"]),
        findings=[FindingAnswer(**finding) for finding in entry.get("findings", ())],
        objections=objections_to(entry),
    )


def _short(version: str) -> str:
    if len(version) > 60:
        raise VersionNotFound(version)
    return version


VersionName = Annotated[str, Path(examples=["20261122T140000Z-1a2b"]), AfterValidator(_short)]
Features = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=100)]
Share = Annotated[float, Field(gt=0, lt=1, strict=True)]
