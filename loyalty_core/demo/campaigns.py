"""Two campaigns with a history of two months, so that a demo shows what campaigns do.

They are marked as simulated: only simulated events make customers enter them, and their messages go to the log alone.
Who entered, who was held out and who got which offer is what the campaigns themselves decided; the outcomes of
messages is made up, with an effect that is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import insert, select, update

from loyalty_core.analytics.offers import OfferTerms, Policy
from loyalty_core.campaigns import Definition
from loyalty_core.campaigns.schedule import next_run
from loyalty_core.segments.starters import OWNER
from loyalty_core.store.campaigns import CampaignEntryRecord, CampaignRecord
from loyalty_core.store.messages import MessageOutcomeRecord, OutboxRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from loyalty_core.campaigns import Campaign
    from loyalty_core.segments import Segment
    from loyalty_core.services import Services
    from loyalty_core.warehouse.offers import OfferFacts

DAYS = 60
_POLICY = "Retention offers"
# Of the messages sent: delivered; of those opened; of those clicked.
_DELIVERED, _OPENED, _CLICKED = 0.97, 0.44, 0.32
# The mean basket of the simulated programme, in its currency.
_BASKET = 42.0
_RETENTION_TEXT = """Hello {{ customer.full_name | default: "there" }},

it has been a while. This is for you: {{ offer.name }}.
{{ offer.description }}

{{ unsubscribe_url }}
"""
_VIP_TEXT = """Dear {{ customer.full_name | default: "customer" }},

as one of our best customers you get this before everyone else: {{ offer.name }}.

{{ unsubscribe_url }}
"""


@dataclass(frozen=True)
class Effect:
    """The share of customers who buy within the window: of those held out, and of those written to, by variant."""

    held_out: float
    written_to: Mapping[str, float]


@dataclass(frozen=True)
class DemoCampaign:
    """A campaign of the demo, about the starter segment of that name; `a_day` is how many enter in a day."""

    name: str
    segment: str
    a_day: int
    effect: Effect
    content: Mapping[str, Any]


DEMO_CAMPAIGNS = (
    DemoCampaign(
        "Win back customers at risk",
        "High churn risk",
        16,
        Effect(0.08, {"A": 0.16, "B": 0.21}),
        {
            "trigger": {"kind": "segment_joined"},
            "offer": {"kind": "best"},
            "variants": [
                {"name": "A", "share": 50, "messages": {"log": {"body": _RETENTION_TEXT}}},
                {"name": "B", "share": 50, "messages": {"log": {"body": "Only this week. " + _RETENTION_TEXT}}},
            ],
            "frequency": {"campaign": {"messages": 1, "days": 30}},
            "quiet_hours": {"from": "21:00", "until": "08:00"},
            "holdout": {"share": 20},
            "conversion": {"event_types": ["campaign.converted", "transaction.created"], "within_days": 14},
            "budget": {"cost_per_message": 0.08},
        },
    ),
    DemoCampaign(
        "A personal offer for VIPs",
        "VIP",
        12,
        Effect(0.31, {"A": 0.36}),
        {
            "trigger": {"kind": "schedule", "days": ["tue"], "hour": 10},
            "offer": {"kind": "best"},
            "variants": [{"name": "A", "share": 100, "messages": {"log": {"body": _VIP_TEXT}}}],
            "re_entry": {"kind": "after_days", "days": 28},
            "holdout": {"share": 20},
            "budget": {"cost_per_message": 0.35},
        },
    ),
)


def make_campaigns(services: Services, starters: Sequence[Segment], now: datetime | None = None) -> list[Campaign]:
    """Save and start the campaigns whose segments are among the starters, and give them a history up to `now`."""
    now = now or datetime.now(UTC)
    by_name = {segment.name: segment for segment in starters}
    wanted = [campaign for campaign in DEMO_CAMPAIGNS if campaign.segment in by_name]
    offers = services.offers.get()
    if not wanted or not offers or services.campaigns.repository.list():
        return []
    policy = services.policies.save(_POLICY, _policy(offers), actor=OWNER)
    made = []
    for number, demo in enumerate(wanted):
        campaign = _start(services, demo, by_name[demo.segment].id, policy.id, now - timedelta(days=DAYS))
        _simulate(services, campaign, demo, now, np.random.default_rng(number))
        made.append(campaign)
    return made


def _policy(offers: Mapping[int, OfferFacts]) -> Policy:
    """Every offer for what it earns with a basket."""
    values = {id_: (facts.margin or 0) * _BASKET - (facts.cost or 0) for id_, facts in offers.items()}
    return Policy({id_: OfferTerms(value=round(max(value, 0.5), 2)) for id_, value in values.items()})


def _start(services: Services, demo: DemoCampaign, segment_id: str, policy_id: str, at: datetime) -> Campaign:
    trigger = dict(demo.content["trigger"])
    if trigger["kind"] == "segment_joined":
        trigger["segment"] = segment_id
    content = {
        **demo.content,
        "audience": {"segment": segment_id},
        "trigger": trigger,
        "offer": {"kind": "best", "policy": policy_id},
        "channels": {"use": ["log"]},
    }
    repository = services.campaigns.repository
    draft = repository.create(demo.name, Definition.from_json(content), actor=OWNER, simulated=True)
    return services.campaigns.start(draft.id, actor=OWNER, now=at)


def _simulate(
    services: Services, campaign: Campaign, demo: DemoCampaign, now: datetime, rng: np.random.Generator
) -> None:
    """Let customers of the segment enter day by day, as the campaign decides, and make up the outcomes."""
    rule = {"var": f"segment:{campaign.definition.audience.segment}"}
    customers = [str(row["customer_id"]) for row in services.segmentation.members(rule, limit=DAYS * demo.a_day)]
    chosen = rng.permutation(customers)
    candidates = {one.customer_id: one for one in services.campaigns.candidates(campaign, list(chosen))}
    for day, part in enumerate(np.array_split(chosen, DAYS)):
        at = now - timedelta(days=DAYS - day) + timedelta(hours=float(rng.uniform(0, 2)))
        entering = [candidates[customer] for customer in part if customer in candidates]
        with services.store.session() as session:
            services.campaigns.consider(session, campaign, entering, "simulation", at)
    with services.store.session() as session:
        _mark_sent(session, campaign.id, now)
        # Otherwise the schedule would have missed two months of runs.
        record = session.get_one(CampaignRecord, campaign.id)
        record.next_run_at = next_run(campaign.definition.trigger, now, services.settings.zone)
        if outcomes := _outcomes(session, campaign, demo.effect, now, rng):  # none where nobody got a message
            session.execute(insert(MessageOutcomeRecord), outcomes)


def _mark_sent(session: Session, campaign_id: str, now: datetime) -> None:
    """The messages that were due are taken as sent when they were due."""
    due = OutboxRecord.campaign_id == campaign_id, OutboxRecord.status == "waiting", OutboxRecord.due_at <= now
    session.execute(update(OutboxRecord).where(*due).values(status="sent", sent_at=OutboxRecord.due_at, attempts=1))


def _outcomes(
    session: Session, campaign: Campaign, effect: Effect, now: datetime, rng: np.random.Generator
) -> list[dict[str, Any]]:
    entry = CampaignEntryRecord
    statement = (
        select(entry, OutboxRecord.key, OutboxRecord.channel, OutboxRecord.sent_at)
        .outerjoin(OutboxRecord, OutboxRecord.entry_id == entry.id)
        .where(entry.campaign_id == campaign.id, entry.status.in_(("queued", "holdout")))
        .order_by(entry.id)
    )
    found: list[dict[str, Any]] = []
    for record, key, channel, sent_at in session.execute(statement):
        if record.status == "queued" and sent_at is None:
            continue
        base = {
            "campaign_id": campaign.id,
            "entry_id": record.id,
            "customer_id": record.customer_id,
            "message_key": key,
            "channel": channel,
            "offer_id": record.offer_id,
            "event": None,
            "value": None,
            "is_simulated": True,
        }
        for kind, at, value in _story(record, sent_at, effect, rng):
            if at <= now:
                found.append({**base, "kind": kind, "occurred_at": at, "value": value})
    return found


def _story(
    record: CampaignEntryRecord, sent_at: datetime | None, effect: Effect, rng: np.random.Generator
) -> list[tuple[str, datetime, float | None]]:
    """(kind, time, value) of each outcome of one entry."""
    story: list[tuple[str, datetime, float | None]] = []
    if sent_at is not None:
        at = sent_at
        for kind, share, hours in (("delivered", _DELIVERED, 0.1), ("opened", _OPENED, 12), ("clicked", _CLICKED, 1)):
            if rng.random() >= share:
                break
            at += timedelta(hours=float(rng.exponential(hours)))
            story.append((kind, at, None))
    rate = effect.held_out if sent_at is None else effect.written_to.get(record.variant or "", effect.held_out)
    if rng.random() < rate:
        bought = (sent_at or record.entered_at) + timedelta(days=float(rng.uniform(0.2, 13)))
        story.append(("converted", bought, round(float(rng.lognormal(np.log(_BASKET), 0.5)), 2)))
    return story
