"""Campaigns that are only tried: the waterfall, and who would get what."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.campaigns.bodies import CampaignId, DefinitionBody, WaterfallAnswer, waterfall_answer
from loyalty_core.api.files import FILES, streamed_file
from loyalty_core.api.work_limits import export_slot, rule_slot
from loyalty_core.segments.exports import member_parts
from loyalty_core.services import get_services

router = APIRouter()


@router.post("/waterfall/", response_model=WaterfallAnswer, dependencies=[rule_slot])
def try_campaign(body: DefinitionBody) -> dict[str, Any]:
    """The suppression waterfall of a definition that is not saved; who falls into its holdout is an example."""
    return waterfall_answer(get_services().campaigns.waterfall(body.definition))


@router.get("/{campaign_id}/waterfall/", response_model=WaterfallAnswer, dependencies=[rule_slot])
def read_waterfall(campaign_id: CampaignId) -> dict[str, Any]:
    """How many customers would get a message now, and how many each reason removes, in order."""
    campaigns = get_services().campaigns
    campaign = campaigns.repository.get(campaign_id)
    return waterfall_answer(campaigns.waterfall(campaign.definition, campaign))


@router.get(
    "/{campaign_id}/dry-run/",
    response_class=StreamingResponse,
    responses=FILES,
    dependencies=[allowed(Action.EXPORT), export_slot],
)
def dry_run_campaign(campaign_id: CampaignId) -> StreamingResponse:
    """Every customer of the audience with what they would get now, or why they get nothing, as CSV.

    Also needs the right to see personal data.
    """
    services = get_services()
    campaign = services.campaigns.repository.get(campaign_id)
    batches = services.campaigns.dry_run_batches(campaign.definition, campaign)
    parts = member_parts(batches, "csv", bom=services.settings.exports_csv_bom)
    subject = "campaign", campaign_id
    return streamed_file(parts, "csv", f"{campaign_id}-dry-run", action="dry run exported", subject=subject)
