"""What became of messages: delivered, opened, clicked, converted, bounced, unsubscribed.

Customers of the holdout get outcomes too, since a campaign is measured by the difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import select

from loyalty_core.campaigns.contact import EVERY_CHANNEL
from loyalty_core.campaigns.definition import Definition
from loyalty_core.store.campaigns import CampaignEntryRecord, CampaignVersionRecord
from loyalty_core.store.messages import ContactPreferenceRecord, MessageOutcomeRecord, OutboxRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

Kind = Literal["delivered", "opened", "clicked", "converted", "bounced", "unsubscribed"]
KINDS: tuple[Kind, ...] = ("delivered", "opened", "clicked", "converted", "bounced", "unsubscribed")
_KIND_OF: dict[str, Kind] = {f"campaign.{kind}": kind for kind in KINDS}
# Entries whose customers were written to, or would have been without the holdout.
_COUNTED = ("queued", "holdout")
_FROM_EVENT = "event"


@dataclass(frozen=True)
class Outcome:
    """Something that happened after a message, named by its key, by its campaign, or by neither.

    `event_type` is the event that said so, and `event` its row. `channel` is that of an unsubscription. `is_hard` is a
    bounce that will happen again.
    """

    kind: Kind
    customer_id: str
    occurred_at: datetime
    message_key: str | None = None
    campaign_id: str | None = None
    channel: str | None = None
    value: float | None = None
    is_hard: bool = False
    event_type: str | None = None
    event: int | None = None
    is_simulated: bool = False


@dataclass(frozen=True)
class Recorded:
    """The campaigns whose results an outcome changes, and a sentence on what was done."""

    campaign_ids: tuple[str, ...]
    note: str


def outcome_of_event(
    event_type: str,
    customer_id: str,
    occurred_at: datetime,
    data: Mapping[str, Any],
    *,
    event: int | None = None,
    is_simulated: bool = False,
) -> Outcome:
    """What an event says about messages: any event may be the success that a campaign waits for."""
    return Outcome(
        kind=_KIND_OF.get(event_type, "converted"),
        customer_id=customer_id,
        occurred_at=occurred_at,
        message_key=_text(data.get("message_id")),
        campaign_id=_text(data.get("campaign_id")),
        channel=_text(data.get("channel")),
        value=_number(data.get("value", data.get("amount"))),
        is_hard=data.get("kind") == "hard",
        event_type=event_type,
        event=event,
        is_simulated=is_simulated,
    )


def record_outcome(session: Session, outcome: Outcome) -> Recorded:
    """Store the outcome for the entries that it belongs to, once each; an event that was recorded changes nothing.

    A conversion counts where the campaign waits for that event, within its window after the customer entered. A hard
    bounce and an unsubscription also keep the customer from getting more by that channel.
    """
    message = _message(session, outcome)
    if outcome.message_key is not None and message is None:
        return Recorded((), "The message is not known, or was for another customer.")
    entries = _entries(session, outcome, message)
    if outcome.kind == "converted":
        entries = [entry for entry in entries if _waits_for(session, entry, outcome)]
    added = [entry for entry in entries if _add(session, entry, message, outcome)]
    blocked = _block(session, outcome, message)
    note = f"{outcome.kind.capitalize()}: recorded for {len(added)} entries." if added else "No campaign waits for it."
    return Recorded(tuple(dict.fromkeys(entry.campaign_id for entry in added)), f"{note}{blocked}")


def _message(session: Session, outcome: Outcome) -> OutboxRecord | None:
    if outcome.message_key is None:
        return None
    found = session.scalars(select(OutboxRecord).where(OutboxRecord.key == outcome.message_key)).one_or_none()
    return found if found is not None and found.customer_id == outcome.customer_id else None


def _entries(session: Session, outcome: Outcome, message: OutboxRecord | None) -> Sequence[CampaignEntryRecord]:
    """Those that the outcome may belong to: of the message, the latest of the campaign, or of all for a conversion."""
    if message is not None:
        entry = session.get(CampaignEntryRecord, message.entry_id)
        return [entry] if entry is not None else []
    before = select(CampaignEntryRecord).where(
        CampaignEntryRecord.customer_id == outcome.customer_id,
        CampaignEntryRecord.entered_at <= outcome.occurred_at,
        CampaignEntryRecord.status.in_(_COUNTED),
    )
    latest = before.order_by(CampaignEntryRecord.entered_at.desc(), CampaignEntryRecord.id.desc())
    if outcome.campaign_id is not None:
        return session.scalars(latest.where(CampaignEntryRecord.campaign_id == outcome.campaign_id).limit(1)).all()
    if outcome.kind != "converted":
        return []
    # Of each campaign only the latest entry, so that one purchase is not two successes.
    by_campaign: dict[str, CampaignEntryRecord] = {}
    for entry in session.scalars(latest):
        by_campaign.setdefault(entry.campaign_id, entry)
    return list(by_campaign.values())


def _waits_for(session: Session, entry: CampaignEntryRecord, outcome: Outcome) -> bool:
    version = session.get(CampaignVersionRecord, (entry.campaign_id, entry.version))
    if version is None or entry.status not in _COUNTED:
        return False
    conversion = Definition.from_json(version.content).conversion
    is_in_time = entry.entered_at <= outcome.occurred_at <= entry.entered_at + timedelta(days=conversion.within_days)
    return is_in_time and (outcome.event_type is None or outcome.event_type in conversion.event_types)


def _add(session: Session, entry: CampaignEntryRecord, message: OutboxRecord | None, outcome: Outcome) -> bool:
    """Add the row, unless this event, or another report of the same thing without an event, has added it."""
    same = select(MessageOutcomeRecord.id).where(
        MessageOutcomeRecord.entry_id == entry.id,
        MessageOutcomeRecord.kind == outcome.kind,
        MessageOutcomeRecord.event.is_not_distinct_from(outcome.event),
    )
    if session.scalar(same) is not None:
        return False
    if message is None and entry.status == "queued":
        of_entry = select(OutboxRecord).where(OutboxRecord.entry_id == entry.id).order_by(OutboxRecord.id.desc())
        message = session.scalars(of_entry.limit(1)).first()
    session.add(
        MessageOutcomeRecord(
            campaign_id=entry.campaign_id,
            entry_id=entry.id,
            customer_id=entry.customer_id,
            message_key=message.key if message else None,
            channel=message.channel if message else None,
            kind=outcome.kind,
            occurred_at=outcome.occurred_at,
            offer_id=entry.offer_id,
            value=outcome.value,
            event=outcome.event,
            is_simulated=outcome.is_simulated or entry.is_simulated,
        )
    )
    session.flush()
    return True


def _block(session: Session, outcome: Outcome, message: OutboxRecord | None) -> str:
    """Keep the customer from getting more where the outcome says so; a sentence on it."""
    if not (outcome.kind == "unsubscribed" or (outcome.kind == "bounced" and outcome.is_hard)) or outcome.is_simulated:
        return ""
    channel = message.channel if message else outcome.channel
    if channel is None and outcome.kind == "bounced":
        return ""
    channel = channel or EVERY_CHANNEL
    record = session.get(ContactPreferenceRecord, (outcome.customer_id, channel))
    if record is None:
        record = ContactPreferenceRecord(customer_id=outcome.customer_id, channel=channel)
        session.add(record)
    elif record.changed_at > outcome.occurred_at:
        return " The customer has chosen otherwise since."
    record.may_contact, record.changed_at, record.changed_by = False, outcome.occurred_at, _FROM_EVENT
    return f" Nothing more is sent by {'any channel' if channel == EVERY_CHANNEL else channel}."


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
