"""Executions of a campaign: the results of each run, and of all entries by events together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.store.campaigns import CampaignEntryRecord, CampaignRunRecord
from loyalty_core.store.messages import MessageOutcomeRecord, OutboxRecord

if TYPE_CHECKING:
    from datetime import datetime

    from loyalty_core.campaigns.campaign import Campaign
    from loyalty_core.store import StateStore

_KINDS = ("delivered", "opened", "clicked", "converted")
_BY_EVENTS = "events"

_entries, _outbox, _outcomes = CampaignEntryRecord.__table__, OutboxRecord.__table__, MessageOutcomeRecord.__table__


@dataclass(frozen=True)
class Execution:
    """The totals of one run, or of the entries by events; the `id` is such as "vip:run:3" or "vip:events".

    Counts are of messages: each with an outcome counts once.
    """

    id: str
    campaign: str
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    total_sent: int
    delivered: int
    opened: int
    clicked: int
    converted: int


def executions(store: StateStore, campaign: Campaign) -> list[Execution]:
    """The executions of a campaign, newest first, runs before entries by events."""
    runs = sa.select(CampaignRunRecord).where(CampaignRunRecord.campaign_id == campaign.id)
    with store.session(read_only=True) as session:
        totals = {row.execution: row for row in session.execute(_totals(campaign.id))}
        records = session.scalars(runs.order_by(CampaignRunRecord.id.desc())).all()
    found = [
        _execution(f"run:{run.id}", campaign, run.status, run.started_at, run.ended_at, totals.get(f"run:{run.id}"))
        for run in records
    ]
    if by_events := totals.get(_BY_EVENTS):
        first, last = by_events.first, campaign.ended_at
        found.append(_execution(_BY_EVENTS, campaign, campaign.state, first, last, by_events))
    return found


@dataclass(frozen=True)
class Totals:
    """The results of a campaign so far: messages sent, and customers who were written to and converted."""

    sent: int = 0
    converted: int = 0


def totals(store: StateStore) -> dict[str, Totals]:
    """The totals of every campaign that has any, by its id."""
    sent = sa.select(_outbox.c.campaign_id, sa.func.count()).where(_outbox.c.status == "sent")
    converted = sa.select(_outcomes.c.campaign_id, sa.func.count(_outcomes.c.entry_id.distinct())).where(
        _outcomes.c.kind == "converted", _outcomes.c.message_key.is_not(None)
    )
    with store.session(read_only=True) as session:
        messages: dict[str, int] = dict(session.execute(sent.group_by(_outbox.c.campaign_id)).all())
        conversions: dict[str, int] = dict(session.execute(converted.group_by(_outcomes.c.campaign_id)).all())
    return {
        campaign: Totals(messages.get(campaign, 0), conversions.get(campaign, 0))
        for campaign in messages.keys() | conversions.keys()
    }


def _totals(campaign_id: str) -> sa.Select:
    """Messages sent and outcomes by execution."""
    flags = [sa.func.max(sa.case((_outcomes.c.kind == kind, 1), else_=0)).label(kind) for kind in _KINDS]
    of_entries = (
        sa.select(_outcomes.c.entry_id, *flags)
        .where(_outcomes.c.campaign_id == campaign_id)
        .group_by(_outcomes.c.entry_id)
        .subquery("of_entries")
    )
    execution = sa.case((_entries.c.cause.like("run:%"), _entries.c.cause), else_=_BY_EVENTS).label("execution")
    message = sa.and_(_outbox.c.entry_id == _entries.c.id, _outbox.c.campaign_id == campaign_id)
    joined = sa.outerjoin(sa.outerjoin(_entries, _outbox, message), of_entries, of_entries.c.entry_id == _entries.c.id)
    return (
        sa.select(
            execution,
            sa.func.min(_entries.c.entered_at, type_=_entries.c.entered_at.type).label("first"),
            sa.func.count(sa.case((_outbox.c.status == "sent", 1))).label("total_sent"),
            *(sa.func.coalesce(sa.func.sum(of_entries.c[kind]), 0).label(kind) for kind in _KINDS),
        )
        .select_from(joined)
        .where(_entries.c.campaign_id == campaign_id, _entries.c.status == "queued")
        .group_by(execution)
    )


def _execution(
    name: str, campaign: Campaign, status: str, started: datetime | None, ended: datetime | None, totals: Any
) -> Execution:
    counts = {kind: int(getattr(totals, kind, 0)) for kind in ("total_sent", *_KINDS)}
    return Execution(f"{campaign.id}:{name}", campaign.id, status, started, ended, **counts)
