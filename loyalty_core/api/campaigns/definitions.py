"""Campaigns: create, read, change and delete, and their versions."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from loyalty_core.access import Action, current_viewer
from loyalty_core.api.access import allowed
from loyalty_core.api.campaigns.bodies import (
    CampaignAnswer,
    CampaignBody,
    CampaignId,
    CampaignPatch,
    CampaignsAnswer,
    CampaignUpdate,
    CampaignVersionsAnswer,
    RestoreCampaignBody,
    campaign_answer,
    version_answer,
)
from loyalty_core.api.conditional import Conditional
from loyalty_core.api.pages import Page, PageNumber, PageSize, sliced
from loyalty_core.campaigns import CampaignRepository, Definition, State
from loyalty_core.services import get_services

router = APIRouter()

_edit = allowed(Action.EDIT_CAMPAIGNS)


@router.get("/", response_model=CampaignsAnswer | Page[CampaignAnswer])
def list_campaigns(
    request: Request,
    state: Annotated[tuple[State, ...], Query()] = (),
    page: PageNumber = None,
    page_size: PageSize = 50,
) -> Any:
    """Campaigns by name, of all states or of those given.

    With `page` the answer is that page with `count`, `next` and `previous`.
    """
    found = [campaign_answer(one) for one in _repository().list(state)]
    return {"campaigns": found} if page is None else sliced(request, page, page_size, found)


@router.post("/", status_code=201, response_model=CampaignAnswer, dependencies=[_edit])
def create_campaign(body: CampaignBody) -> dict[str, Any]:
    """Save a new campaign as a draft; 409 if the name is taken."""
    return campaign_answer(_repository().create(body.name, body.definition, actor=current_viewer().id))


@router.get("/{campaign_id}/", response_model=CampaignAnswer)
def read_campaign(campaign_id: CampaignId, conditions: Conditional) -> Response:
    """One campaign."""
    return conditions.answer(campaign_answer(_repository().get(campaign_id)))


@router.put("/{campaign_id}/", response_model=CampaignAnswer, dependencies=[_edit])
def update_campaign(campaign_id: CampaignId, body: CampaignUpdate, conditions: Conditional) -> dict[str, Any]:
    """Save the next version; 409 if someone else has saved one after `version`.

    A campaign that is running goes on with it for later entries, which needs the right to approve campaigns.
    """
    repository = _repository()
    if conditions.names_state:
        conditions.require_unchanged(campaign_answer(repository.get(campaign_id)))
    saved = repository.update(
        campaign_id, body.name, body.definition, actor=current_viewer().id, expected_version=body.version
    )
    return conditions.mark(campaign_answer(saved))


@router.patch("/{campaign_id}/", response_model=CampaignAnswer, dependencies=[_edit])
def change_campaign(campaign_id: CampaignId, body: CampaignPatch, conditions: Conditional) -> dict[str, Any]:
    """Change the given parts only; with `version`, 409 if someone else has saved one after it."""
    repository = _repository()
    before = repository.get(campaign_id)
    conditions.require_unchanged(campaign_answer(before))
    definition = Definition.from_json(before.definition.to_json() | body.definition)
    saved = repository.update(
        campaign_id,
        body.name or before.name,
        definition,
        actor=current_viewer().id,
        expected_version=body.version or before.version,
    )
    return conditions.mark(campaign_answer(saved))


@router.delete("/{campaign_id}/", status_code=204, dependencies=[_edit])
def delete_campaign(campaign_id: CampaignId, conditions: Conditional) -> Response:
    """Delete a campaign that was never started; 409 for others."""
    repository = _repository()
    conditions.require_unchanged(campaign_answer(repository.get(campaign_id)))
    repository.delete(campaign_id, actor=current_viewer().id)
    return Response(status_code=204)


@router.get("/{campaign_id}/versions/", response_model=CampaignVersionsAnswer)
def read_campaign_versions(campaign_id: CampaignId) -> dict[str, Any]:
    """All versions, newest first."""
    return {"versions": [version_answer(one) for one in _repository().versions(campaign_id)]}


@router.post("/{campaign_id}/restore/", response_model=CampaignAnswer, dependencies=[_edit])
def restore_campaign(campaign_id: CampaignId, body: RestoreCampaignBody) -> dict[str, Any]:
    """Save an earlier version as the newest."""
    return campaign_answer(_repository().restore(campaign_id, body.version, actor=current_viewer().id))


def _repository() -> CampaignRepository:
    return get_services().campaigns.repository
