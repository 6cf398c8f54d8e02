"""A customer's story: events, segments joined and left, messages and their outcomes, newest first."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sqlalchemy import and_, or_, select

from loyalty_core.store.campaigns import CampaignEntryRecord, CampaignRecord
from loyalty_core.store.events import EventRecord, SegmentChangeRecord
from loyalty_core.store.messages import MessageOutcomeRecord, OutboxRecord
from loyalty_core.warehouse.customers import id_as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from loyalty_core.services import Services

Kind = Literal["event", "segment", "entry", "message", "outcome"]


class Place(NamedTuple):
    """Where a moment is in a story: the later, the newer; moments of one time are ordered by kind and row."""

    at: datetime
    kind: Kind
    row: int


@dataclass(frozen=True)
class Moment:
    """One thing that happened: `what` names it (a type, a segment, a campaign), `how` says what happened to it.

    `how` of a segment is "joined" or "left", of an entry, a message and an event its status, of an outcome its kind.
    """

    place: Place
    what: str
    how: str
    event: int | None = None
    segment_id: str | None = None
    campaign_id: str | None = None
    channel: str | None = None
    offer_id: int | None = None
    reason: str | None = None
    is_simulated: bool = False

    @property
    def at(self) -> datetime:
        return self.place.at

    @property
    def kind(self) -> Kind:
        return self.place.kind


@dataclass(frozen=True)
class _Chapter:
    """A table with moments of one kind; `at` names its column of the time."""

    kind: Kind
    record: Any
    at: str
    read: Callable[[Any, Mapping[str, str]], dict[str, Any]]

    def moments(self, session: Session, asked: _Asked) -> Iterator[Moment]:
        record = self.record
        wanted = select(record).where(record.customer_id.in_(asked.ids)).order_by(self._time.desc(), record.id.desc())
        if asked.before is not None:
            wanted = wanted.where(self._is_before(asked.before))
        if record is SegmentChangeRecord:
            wanted = wanted.where(SegmentChangeRecord.segment_id.not_in(asked.revealing))
        if record is CampaignEntryRecord:
            wanted = wanted.where(CampaignEntryRecord.status != "queued")  # its message says as much
        for found in session.scalars(wanted.limit(asked.limit)):
            place = Place(getattr(found, self.at), self.kind, found.id)
            yield Moment(place, **self.read(found, asked.names))

    @property
    def _time(self) -> Any:
        return getattr(self.record, self.at)

    def _is_before(self, place: Place) -> ColumnElement[bool]:
        at = self._time
        if self.kind == place.kind:
            return or_(at < place.at, and_(at == place.at, self.record.id < place.row))
        return at <= place.at if self.kind < place.kind else at < place.at


@dataclass(frozen=True)
class _Asked:
    """Which moments are wanted; `names` are those of segments and campaigns, by id."""

    ids: Collection[str]
    revealing: Collection[str]
    names: Mapping[str, str]
    before: Place | None
    limit: int


def read_story(services: Services, customer_id: str, limit: int = 50, before: Place | None = None) -> list[Moment]:
    """The latest moments of a customer, newest first; with `before` only those before that place.

    Raises `CustomerNotFound` for a customer whom the viewer may not see. A customer who is in no warehouse may have a
    story too, for viewers who see all customers.
    """
    services.warehouse.require_rows()
    ids = _ids(services, customer_id)
    revealing, names = services.segments.revealing(), services.segments.names()
    with services.store.session(read_only=True) as session:
        campaigns = session.execute(select(CampaignRecord.id, CampaignRecord.name)).all()
        asked = _Asked(ids, revealing, {**names, **dict(campaigns)}, before, limit)
        chapters = [chapter.moments(session, asked) for chapter in _CHAPTERS]
        in_order = heapq.merge(*chapters, key=lambda moment: moment.place, reverse=True)
        return list(islice(in_order, limit))


def _ids(services: Services, customer_id: str) -> set[str]:
    """The id as given and as saved with members of segments."""
    if services.warehouse.has_scope:
        features = services.features.get(customer_id)
    else:
        features = services.features.get_many([customer_id]).get(customer_id)
    if features is None:
        return {customer_id}
    identifier = services.warehouse.customer_id
    return {customer_id, id_as_text(features[identifier.name], identifier.type)}


def _event(record: EventRecord, _names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "what": record.type,
        "how": record.status,
        "event": record.id,
        "is_simulated": record.is_simulated,
    }


def _change(record: SegmentChangeRecord, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "what": names.get(record.segment_id, record.segment_id),
        "how": "joined" if record.has_joined else "left",
        "event": record.event,
        "segment_id": record.segment_id,
    }


def _entry(record: CampaignEntryRecord, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "what": names.get(record.campaign_id, record.campaign_id),
        "how": record.status,
        "event": _event_of(record.cause),
        "campaign_id": record.campaign_id,
        "offer_id": record.offer_id,
        "reason": record.reason,
        "is_simulated": record.is_simulated,
    }


def _message(record: OutboxRecord, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "what": names.get(record.campaign_id, record.campaign_id),
        "how": record.status,
        "campaign_id": record.campaign_id,
        "channel": record.channel,
        "offer_id": record.offer_id,
        "reason": record.reason,
        "is_simulated": record.is_simulated,
    }


def _outcome(record: MessageOutcomeRecord, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "what": names.get(record.campaign_id, record.campaign_id),
        "how": record.kind,
        "event": record.event,
        "campaign_id": record.campaign_id,
        "channel": record.channel,
        "offer_id": record.offer_id,
        "is_simulated": record.is_simulated,
    }


def _event_of(cause: str) -> int | None:
    number = cause.removeprefix("event:")
    return int(number) if number != cause and number.isdigit() else None


_CHAPTERS = (
    _Chapter("event", EventRecord, "occurred_at", _event),
    _Chapter("segment", SegmentChangeRecord, "at", _change),
    _Chapter("entry", CampaignEntryRecord, "entered_at", _entry),
    _Chapter("message", OutboxRecord, "queued_at", _message),
    _Chapter("outcome", MessageOutcomeRecord, "occurred_at", _outcome),
)
