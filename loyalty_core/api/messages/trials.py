"""Messages that are tried before a campaign starts: previews, and tests to oneself."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.work_limits import change_slot, rule_slot
from loyalty_core.campaigns.errors import BadCampaign
from loyalty_core.services import Services, get_services

router = APIRouter(prefix="/campaigns/{campaign_id}")

CampaignId = Annotated[str, Path(min_length=1, max_length=100)]
_MAX_PREVIEWS = 10


class PreviewAnswer(BaseModel):
    """The message that one customer would get."""

    customer_id: str
    channel: str
    variant: str
    offer_id: int | None
    offer_name: str | None
    address: str | None
    subject: str
    body: str
    missing: list[str] = Field(description="Values that the texts need and the customer does not have")
    problem: str = Field(description='Why it would not be sent; "" where it would')


class Previews(BaseModel):
    """Messages for some customers of the audience."""

    messages: list[PreviewAnswer]


class TestMessageBody(BaseModel):
    """Where to send a test, and as which customer; without `customer_id`, as the first of the audience."""

    channel: Annotated[str, Field(min_length=1, max_length=100)]
    address: Annotated[str | None, Field(max_length=254, description="Your own address; needed for e-mail")] = None
    customer_id: Annotated[str | None, Field(min_length=1, max_length=1000)] = None
    variant: Annotated[str | None, Field(max_length=40)] = None


class TestMessageAnswer(BaseModel):
    """The test as it was sent."""

    customer_id: str
    channel: str
    address: str | None
    subject: str
    body: str


@router.get("/preview/", dependencies=[allowed(Action.EDIT_CAMPAIGNS), rule_slot])
def preview_messages(
    campaign_id: CampaignId,
    customer_id: Annotated[str | None, Query(max_length=1000, description="Only for this customer")] = None,
    variant: Annotated[str | None, Query(max_length=40, description="The first one if not named")] = None,
    limit: Annotated[int, Query(ge=1, le=_MAX_PREVIEWS)] = _MAX_PREVIEWS,
) -> Previews:
    """What real customers of the audience would get, rendered with the values that you may see."""
    services = get_services()
    campaign = services.campaigns.repository.get(campaign_id)
    wanted = [customer_id] if customer_id is not None else None
    candidates = services.campaigns.some_candidates(campaign, wanted, limit)
    previews = services.new_trials().preview(campaign, candidates, variant=variant)
    return Previews(messages=[PreviewAnswer.model_validate(asdict(preview)) for preview in previews])


@router.post("/test-send/", dependencies=[allowed(Action.RUN_CAMPAIGNS), change_slot])
def send_test(campaign_id: CampaignId, body: TestMessageBody) -> TestMessageAnswer:
    """Send what a customer would get to your own address, marked as a test; recorded in the audit trail."""
    services: Services = get_services()
    campaign = services.campaigns.repository.get(campaign_id)
    wanted = [body.customer_id] if body.customer_id is not None else None
    candidates = services.campaigns.some_candidates(campaign, wanted, 1)
    if not candidates:
        raise BadCampaign("There is nobody to render the test for.", remedy="Choose a customer of the audience.")
    [candidate] = candidates
    sent = services.new_trials().send_test(
        campaign, candidate, channel=body.channel, address=body.address, variant=body.variant
    )
    return TestMessageAnswer(
        customer_id=candidate.customer_id,
        channel=body.channel,
        address=body.address,
        subject=sent.subject,
        body=sent.body,
    )
