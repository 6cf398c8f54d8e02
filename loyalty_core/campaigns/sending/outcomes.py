"""Outcomes of messages: delivered, opened, clicked, converted, bounced, unsubscribed.

Customers of the holdout get outcomes too, since a campaign is measured by the difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import func, insert, select

from loyalty_core.campaigns.contact import EVERY_CHANNEL
from loyalty_core.campaigns.definition import DEFAULT_CONVERSIONS, Definition
from loyalty_core.store.campaigns import CampaignEntryRecord, CampaignVersionRecord
from loyalty_core.store.dialects import dialect_of_session
from loyalty_core.store.messages import ContactPreferenceRecord, MessageOutcomeRecord, OutboxRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from loyalty_core.campaigns.definition import Conversion

Kind = Literal["delivered", "opened", "clicked", "converted", "bounced", "unsubscribed"]
KINDS: tuple[Kind, ...] = ("delivered", "opened", "clicked", "converted", "bounced", "unsubscribed")
_KIND_OF: dict[str, Kind] = {f"campaign.{kind}": kind for kind in KINDS}
# Entries whose customers were written to, or would have been without the holdout.
_COUNTED = ("queued", "holdout")
_IS_COUNTED = CampaignEntryRecord.status.in_(_COUNTED)
_FROM_EVENT = "event"
_ENTRY = (
    CampaignEntryRecord.id,
    CampaignEntryRecord.campaign_id,
    CampaignEntryRecord.customer_id,
    CampaignEntryRecord.version,
    CampaignEntryRecord.status,
    CampaignEntryRecord.entered_at,
    CampaignEntryRecord.offer_id,
    CampaignEntryRecord.is_simulated,
)
_MESSAGE = OutboxRecord.key, OutboxRecord.entry_id, OutboxRecord.customer_id, OutboxRecord.channel


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


class AwaitedEvents:
    """The types of events that any version of a campaign counts as a success; read again after a change alone.

    What customers do is mostly of other types, and then their entries need not be looked up.
    """

    def __init__(self) -> None:
        self._state: Any = None
        self._types = frozenset[str]()

    def types(self, session: Session) -> frozenset[str]:
        """The types as they are now."""
        # Versions are added, or removed with their campaign, and never changed.
        state = tuple(session.execute(select(func.count(), func.max(CampaignVersionRecord.at))).one())
        if state != self._state:
            contents = session.scalars(select(CampaignVersionRecord.content))
            self._types = frozenset(one for content in contents for one in _successes(content))
            self._state = state
        return self._types


def _successes(content: Mapping[str, Any]) -> Sequence[str]:
    return content.get("conversion", {}).get("event_types", DEFAULT_CONVERSIONS)


def customers_with_entries(session: Session, customer_ids: Collection[str]) -> set[str]:
    """Those of the customers who were written to or held out; what others do cannot be a success of any campaign."""
    is_one_of = dialect_of_session(session).is_one_of(CampaignEntryRecord.customer_id.expression, customer_ids)
    return set(session.scalars(select(CampaignEntryRecord.customer_id).where(is_one_of, _IS_COUNTED)))


def record_outcome(session: Session, outcome: Outcome) -> Recorded:
    """Store one outcome; see `record_outcomes`."""
    (recorded,) = record_outcomes(session, [outcome])
    return recorded


def record_outcomes(session: Session, outcomes: Sequence[Outcome]) -> list[Recorded]:
    """Store outcomes for the entries that they belong to, once each; an event that was recorded changes nothing.

    A conversion counts where the campaign waits for that event, within its window after the customer entered. A hard
    bounce and an unsubscription also keep the customer from getting more by that channel.
    """
    known = _Known(session, outcomes)
    recorded = [_record(session, known, outcome) for outcome in outcomes]
    if known.added:
        session.execute(insert(MessageOutcomeRecord), known.added)
    return recorded


class _Known:
    """What is stored about the customers of some outcomes; `added` are the rows to be stored."""

    def __init__(self, session: Session, outcomes: Sequence[Outcome]) -> None:
        keys = {one.message_key for one in outcomes if one.message_key is not None}
        self.messages = {one.key: one for one in _messages(session, OutboxRecord.key.in_(keys))} if keys else {}
        entries = _entries(session, {one.customer_id for one in outcomes})
        self._entries: dict[str, list[Any]] = {}
        for entry in entries:
            self._entries.setdefault(entry.customer_id, []).append(entry)
        numbers, campaigns = {entry.id for entry in entries}, {entry.campaign_id for entry in entries}
        of_entries = OutboxRecord.campaign_id.in_(campaigns), OutboxRecord.entry_id.in_(numbers)
        self._latest = {one.entry_id: one for one in _messages(session, *of_entries)} if entries else {}
        columns = MessageOutcomeRecord.entry_id, MessageOutcomeRecord.kind, MessageOutcomeRecord.event
        before = select(*columns).where(MessageOutcomeRecord.entry_id.in_(numbers))
        self._recorded = {tuple(row) for row in session.execute(before)} if entries else set[Any]()
        self._conversions = _conversions(session, {(entry.campaign_id, entry.version) for entry in entries})
        self.added: list[dict[str, Any]] = []

    def entries(self, outcome: Outcome, message: Any) -> list[Any]:
        """Those that it may belong to: of the message, the latest of the campaign, or of all for a conversion."""
        of_customer = self._entries.get(outcome.customer_id, [])
        if message is not None:
            return [entry for entry in of_customer if entry.id == message.entry_id]
        before = [entry for entry in of_customer if entry.entered_at <= outcome.occurred_at]
        # Of each campaign only the latest entry, so that one purchase is not two successes.
        latest: dict[str, Any] = {}
        for entry in before:
            latest.setdefault(entry.campaign_id, entry)
        if outcome.campaign_id is not None:
            return [latest[outcome.campaign_id]] if outcome.campaign_id in latest else []
        return list(latest.values()) if outcome.kind == "converted" else []

    def waits_for(self, entry: Any, outcome: Outcome) -> bool:
        """Whether the campaign of the entry counts the outcome as a success."""
        conversion = self._conversions.get((entry.campaign_id, entry.version))
        if conversion is None:
            return False
        until = entry.entered_at + timedelta(days=conversion.within_days)
        is_in_time = entry.entered_at <= outcome.occurred_at <= until
        return is_in_time and (outcome.event_type is None or outcome.event_type in conversion.event_types)

    def add(self, entry: Any, message: Any, outcome: Outcome) -> bool:
        """Add the row, unless this event, or another report of the same thing without an event, has added it."""
        same = entry.id, outcome.kind, outcome.event
        if same in self._recorded:
            return False
        self._recorded.add(same)
        if message is None and entry.status == "queued":
            message = self._latest.get(entry.id)
        self.added.append(
            {
                "campaign_id": entry.campaign_id,
                "entry_id": entry.id,
                "customer_id": entry.customer_id,
                "message_key": message.key if message else None,
                "channel": message.channel if message else None,
                "kind": outcome.kind,
                "occurred_at": outcome.occurred_at,
                "offer_id": entry.offer_id,
                "value": outcome.value,
                "event": outcome.event,
                "is_simulated": outcome.is_simulated or entry.is_simulated,
            }
        )
        return True


def _entries(session: Session, customer_ids: Collection[str]) -> Sequence[Any]:
    """The entries of the customers that count, the latest first."""
    is_theirs = dialect_of_session(session).is_one_of(CampaignEntryRecord.customer_id.expression, customer_ids)
    entered = select(*_ENTRY).where(is_theirs, _IS_COUNTED)
    return session.execute(entered.order_by(CampaignEntryRecord.entered_at.desc(), CampaignEntryRecord.id.desc())).all()


def _conversions(session: Session, versions: Collection[tuple[str, int]]) -> dict[tuple[str, int], Conversion]:
    """What these versions of campaigns count as a success."""
    if not versions:
        return {}
    of_campaigns = CampaignVersionRecord.campaign_id.in_({campaign_id for campaign_id, _ in versions})
    columns = CampaignVersionRecord.campaign_id, CampaignVersionRecord.number, CampaignVersionRecord.content
    numbers = CampaignVersionRecord.number.in_({version for _, version in versions})
    found = session.execute(select(*columns).where(of_campaigns, numbers))
    return {
        (campaign_id, version): Definition.from_json(content).conversion
        for campaign_id, version, content in found
        if (campaign_id, version) in versions
    }


def _messages(session: Session, *conditions: ColumnElement[bool]) -> Sequence[Any]:
    return session.execute(select(*_MESSAGE).where(*conditions).order_by(OutboxRecord.id)).all()


def _record(session: Session, known: _Known, outcome: Outcome) -> Recorded:
    message = known.messages.get(outcome.message_key) if outcome.message_key is not None else None
    if outcome.message_key is not None and (message is None or message.customer_id != outcome.customer_id):
        return Recorded((), "The message is not known, or was for another customer.")
    entries = known.entries(outcome, message)
    if outcome.kind == "converted":
        entries = [entry for entry in entries if known.waits_for(entry, outcome)]
    added = [entry for entry in entries if known.add(entry, message, outcome)]
    blocked = _block(session, outcome, message)
    note = f"{outcome.kind.capitalize()}: recorded for {len(added)} entries." if added else "No campaign waits for it."
    return Recorded(tuple(dict.fromkeys(entry.campaign_id for entry in added)), f"{note}{blocked}")


def _block(session: Session, outcome: Outcome, message: Any) -> str:
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
