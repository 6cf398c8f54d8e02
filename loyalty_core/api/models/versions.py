"""Versions: listed and read."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.conditional import Conditional
from loyalty_core.api.models.answers import VersionAnswer, VersionName, describe, find, find_active
from loyalty_core.ml.versions import read_versions
from loyalty_core.services import get_services

router = APIRouter(prefix="/versions", dependencies=[allowed(Action.VIEW)])


class VersionPage(BaseModel):
    """A page of versions, newest first; `active` is the version that answers, null without one."""

    active: str | None
    versions: list[VersionAnswer]
    next_cursor: str | None = Field(description="The `cursor` of the next page; null on the last one")


@router.get("/")
def list_versions(
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=60)] = None,
) -> VersionPage:
    """All versions on disk, newest first. Only manifests are read: nothing is opened."""
    services = get_services()
    records = read_versions(services.settings.models_dir)
    older = [record for record in records if cursor is None or record.version < cursor]
    page = older[:limit]
    return VersionPage(
        active=next((record.version for record in records if record.is_active), None),
        versions=[describe(record, services) for record in page],
        next_cursor=page[-1].version if len(older) > limit else None,
    )


@router.get("/active/", response_model=VersionAnswer)
def read_active_version(conditions: Conditional) -> Response:
    """The version that answers, with its ETag for `If-Match` of the next activation."""
    services = get_services()
    return conditions.answer(describe(find_active(services), services).model_dump())


@router.get("/{version}/", response_model=VersionAnswer)
def read_version(version: VersionName, conditions: Conditional) -> Response:
    """One version and what its models measured."""
    services = get_services()
    return conditions.answer(describe(find(services, version), services).model_dump())
