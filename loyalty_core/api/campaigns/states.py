"""States of campaigns: submitted, approved, started, paused and ended."""

from typing import Any

from fastapi import APIRouter

from loyalty_core.access import Action, current_viewer
from loyalty_core.api.access import allowed
from loyalty_core.api.campaigns.bodies import ApproveBody, CampaignAnswer, CampaignId, RejectBody, campaign_answer
from loyalty_core.services import get_services

router = APIRouter()

_run = allowed(Action.RUN_CAMPAIGNS)
_approve = allowed(Action.APPROVE_CAMPAIGNS)


@router.post("/{campaign_id}/submit/", response_model=CampaignAnswer, dependencies=[allowed(Action.EDIT_CAMPAIGNS)])
def submit_campaign(campaign_id: CampaignId) -> dict[str, Any]:
    """Ask for the approval of the newest version by a second person."""
    campaigns = get_services().campaigns.repository
    return campaign_answer(campaigns.submit(campaign_id, actor=current_viewer().id))


@router.post("/{campaign_id}/approve/", response_model=CampaignAnswer, dependencies=[_approve])
def approve_campaign(campaign_id: CampaignId, body: ApproveBody) -> dict[str, Any]:
    """Approve what somebody else has submitted; 409 if `version` is no longer the newest."""
    campaigns = get_services().campaigns.repository
    return campaign_answer(campaigns.approve(campaign_id, actor=current_viewer().id, version=body.version))


@router.post("/{campaign_id}/reject/", response_model=CampaignAnswer, dependencies=[_approve])
def reject_campaign(campaign_id: CampaignId, body: RejectBody) -> dict[str, Any]:
    """Send what was submitted back as a draft."""
    campaigns = get_services().campaigns.repository
    return campaign_answer(campaigns.reject(campaign_id, actor=current_viewer().id, reason=body.reason))


@router.post("/{campaign_id}/start/", response_model=CampaignAnswer, dependencies=[_run])
def start_campaign(campaign_id: CampaignId) -> dict[str, Any]:
    """Start the campaign: from now on its trigger works. 403 for a version that has to be approved first."""
    return campaign_answer(get_services().campaigns.start(campaign_id, actor=current_viewer().id))


@router.post("/{campaign_id}/activate/", response_model=CampaignAnswer, dependencies=[_run])
def activate_campaign(campaign_id: CampaignId) -> dict[str, Any]:
    """Start a draft, or resume a paused campaign."""
    campaigns = get_services().campaigns
    is_paused = campaigns.repository.get(campaign_id).state == "paused"
    begin = campaigns.resume if is_paused else campaigns.start
    return campaign_answer(begin(campaign_id, actor=current_viewer().id))


@router.post("/{campaign_id}/pause/", response_model=CampaignAnswer, dependencies=[_run])
def pause_campaign(campaign_id: CampaignId) -> dict[str, Any]:
    """Let nobody else enter, and keep what is queued until the campaign is resumed."""
    return campaign_answer(get_services().campaigns.repository.pause(campaign_id, actor=current_viewer().id))


@router.post("/{campaign_id}/resume/", response_model=CampaignAnswer, dependencies=[_run])
def resume_campaign(campaign_id: CampaignId) -> dict[str, Any]:
    """Go on with a paused campaign; runs that were due meanwhile are not made up for."""
    return campaign_answer(get_services().campaigns.resume(campaign_id, actor=current_viewer().id))


@router.post("/{campaign_id}/end/", response_model=CampaignAnswer, dependencies=[_run])
def end_campaign(campaign_id: CampaignId) -> dict[str, Any]:
    """End the campaign for good; what is queued is not sent any more."""
    return campaign_answer(get_services().campaigns.repository.end(campaign_id, actor=current_viewer().id))
