"""Runs of campaigns over their whole audience."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from loyalty_core.access import Action, current_viewer
from loyalty_core.api.access import allowed
from loyalty_core.api.campaigns.bodies import CampaignId, RunAnswer, RunsAnswer, run_answer
from loyalty_core.services import get_services

router = APIRouter()


@router.post(
    "/{campaign_id}/run/", status_code=202, response_model=RunAnswer, dependencies=[allowed(Action.RUN_CAMPAIGNS)]
)
def run_campaign(campaign_id: CampaignId) -> dict[str, Any]:
    """Run the campaign over its whole audience, in the background; 409 while another run is under way."""
    services = get_services()
    services.warehouse.require_every_customer("Campaigns that run")
    return run_answer(services.campaign_runs.begin(campaign_id, actor=current_viewer().id))


@router.get("/{campaign_id}/runs/", response_model=RunsAnswer)
def read_runs(campaign_id: CampaignId, limit: Annotated[int, Query(ge=1, le=1_000)] = 50) -> dict[str, Any]:
    """Runs by hand and by schedule, newest first; those that were missed too."""
    return {"runs": [run_answer(one) for one in get_services().campaigns.runs(campaign_id, limit)]}
