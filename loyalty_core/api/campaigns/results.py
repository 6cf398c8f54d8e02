"""Results of campaigns."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.campaigns.bodies import CampaignId
from loyalty_core.api.files import FILES, streamed_file
from loyalty_core.api.work_limits import export_slot, rule_slot
from loyalty_core.campaigns import Figures
from loyalty_core.segments.exports import member_parts
from loyalty_core.services import get_services

router = APIRouter()


class FiguresAnswer(BaseModel):
    """Entries, and how many of them had each outcome; `revenue` is the value of their conversions."""

    entered: int
    queued: int
    sent: int
    failed: int
    delivered: int
    opened: int
    clicked: int
    converted: int
    bounced: int
    unsubscribed: int
    revenue: float
    conversion_rate: float | None
    revenue_per_contact: float | None


class DifferenceAnswer(BaseModel):
    """A difference with its 95 % interval."""

    value: float
    low: float
    high: float


class EffectAnswer(BaseModel):
    """The campaign against its holdout; `verdict` is the result in a sentence, or why none can be given yet.

    `conversion` is the difference of the conversion rates, `revenue` that of the revenue per contact, and `uplift` the
    revenue that the campaign has added, less its `cost`.
    """

    treated: int
    held: int
    verdict: str
    is_certain: bool
    conversion: DifferenceAnswer | None
    revenue: DifferenceAnswer | None
    uplift: float | None
    cost: float


class DayAnswer(BaseModel):
    """What happened on one day, in the time zone of the app."""

    day: str
    entered: int
    sent: int
    delivered: int
    opened: int
    clicked: int
    converted: int


class PerformanceAnswer(BaseModel):
    """The results so far; those at the top are of all messages, `total` has the rest."""

    campaign_id: str
    total_sent: int
    delivered: int
    opened: int
    clicked: int
    converted: int
    total: FiguresAnswer
    holdout: FiguresAnswer
    by_variant: dict[str, FiguresAnswer]
    by_offer: dict[str, FiguresAnswer]
    by_channel: dict[str, FiguresAnswer]
    suppressed: dict[str, int] = Field(description="Customers to whom nothing was sent, by reason")
    effect: EffectAnswer
    days: list[DayAnswer]
    currency: str


@router.get("/{campaign_id}/performance/", response_model=PerformanceAnswer, dependencies=[rule_slot])
def read_performance(campaign_id: CampaignId) -> dict[str, Any]:
    """What the campaign has achieved, by variant, offer and channel, and against its holdout."""
    campaigns = get_services().campaigns
    found = campaigns.performance(campaigns.repository.get(campaign_id))
    effect = found.effect
    return {
        "campaign_id": campaign_id,
        "total_sent": found.total.sent,
        **{name: getattr(found.total, name) for name in ("delivered", "opened", "clicked", "converted")},
        "total": _figures(found.total),
        "holdout": _figures(found.holdout),
        "by_variant": {name: _figures(one) for name, one in found.by_variant.items()},
        "by_offer": {str(offer): _figures(one) for offer, one in found.by_offer.items()},
        "by_channel": {name: _figures(one) for name, one in found.by_channel.items()},
        "suppressed": found.suppressed,
        "effect": {
            **{name: getattr(effect, name) for name in ("treated", "held", "verdict", "is_certain", "uplift", "cost")},
            "conversion": _difference(effect.conversion),
            "revenue": _difference(effect.revenue),
        },
        "days": [asdict(one) for one in found.days],
        "currency": found.currency,
    }


@router.get(
    "/{campaign_id}/treatments/",
    response_class=StreamingResponse,
    responses=FILES,
    dependencies=[allowed(Action.EXPORT), export_slot],
)
def export_treatments(campaign_id: CampaignId) -> StreamingResponse:
    """Every customer whose time for conversions is over, written to or held out, and whether they converted, as CSV.

    Joined with features of that time, it is the history of an uplift model. Also needs the right to see personal data.
    """
    services = get_services()
    campaign = services.campaigns.repository.get(campaign_id)
    parts = member_parts(services.campaigns.treatments(campaign), "csv", bom=services.settings.exports_csv_bom)
    subject = "campaign", campaign_id
    return streamed_file(parts, "csv", f"{campaign_id}-treatments", action="treatments exported", subject=subject)


def _figures(found: Figures) -> dict[str, Any]:
    rates = {"conversion_rate": found.conversion_rate, "revenue_per_contact": found.revenue_per_contact}
    return asdict(found) | rates


def _difference(found: Any) -> dict[str, float] | None:
    return None if found is None else {"value": found.value, "low": found.interval.low, "high": found.interval.high}
