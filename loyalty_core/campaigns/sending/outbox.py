"""The outbox: messages wait, are claimed by one sender, and the outcome of each is recorded.

A claim alone promises nothing: another sender takes it over when it has expired. Just before a message is handed over
its status becomes "sending", in a transaction of its own. A message that is still "sending" when its sender is gone is
in doubt: it was perhaps sent. So a crash leaves at most one message of each sender in doubt.
"""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from sqlalchemy import func, or_, select, update

from loyalty_core.access import Action, require
from loyalty_core.campaigns.sending.claims import Claim
from loyalty_core.campaigns.sending.errors import MessageNotFound, NotInDoubt
from loyalty_core.store import audit
from loyalty_core.store.campaigns import CampaignEntryRecord, CampaignRecord
from loyalty_core.store.messages import OutboxRecord
from loyalty_core.telemetry import MESSAGES_SENT_AGAIN

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session
    from sqlalchemy.sql import ColumnElement

    from loyalty_core.settings import Settings
    from loyalty_core.store import StateStore

Status = Literal["waiting", "sending", "sent", "failed", "in_doubt", "cancelled"]
STATUSES: tuple[Status, ...] = ("waiting", "sending", "sent", "failed", "in_doubt", "cancelled")
Resolution = Literal["send_again", "mark_as_sent"]

SUBJECT_KIND = "message"
_MAX_BACK_OFF = timedelta(hours=4)


class Outbox:
    """The messages of all campaigns in the state store, for senders and for the people who watch them.

    Times are by the clock that all processes of the store share.
    """

    def __init__(self, store: StateStore, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._lease = timedelta(seconds=settings.sending_lease_seconds)

    def has_due(self, channel: str) -> bool:
        """Whether there is a message to claim; found out without a lock, since most of the time there is none."""
        with self._store.session(read_only=True) as session:
            found = select(OutboxRecord.id).where(*self._claimable(channel, self._store.dialect.now(session)))
            return session.scalar(found.limit(1)) is not None

    def has_abandoned(self) -> bool:
        """Whether a sender died while sending a message."""
        with self._store.session(read_only=True) as session:
            abandoned = self._abandoned(self._store.dialect.now(session))
            return session.scalar(select(OutboxRecord.id).where(*abandoned).limit(1)) is not None

    def claim(self, worker: str, channel: str, limit: int) -> list[Claim]:
        """Claim messages that are due, the oldest first; none of a paused campaign."""
        with self._store.session() as session:
            now = self._store.dialect.now(session)
            due = (
                select(OutboxRecord)
                .where(*self._claimable(channel, now))
                .order_by(OutboxRecord.due_at, OutboxRecord.id)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            claimed = session.scalars(due).all()
            for record in claimed:
                record.claimed_by, record.claimed_at = worker, now
            return [Claim.of(record) for record in claimed]

    def begin(self, session: Session, claim: Claim, worker: str) -> OutboxRecord | None:
        """Lock the row of a claim in the transaction that decides whether to send it; None if it is no longer ours."""
        record = session.get(OutboxRecord, claim.id, with_for_update=True)
        return record if record and record.status == "waiting" and record.claimed_by == worker else None

    def release(self, claims: Collection[Claim], worker: str) -> None:
        """Give back what was claimed and not begun."""
        if claims:
            ours = [OutboxRecord.id.in_([claim.id for claim in claims]), OutboxRecord.claimed_by == worker]
            with self._store.session() as session:
                free = update(OutboxRecord).where(*ours, OutboxRecord.status == "waiting")
                session.execute(free.values(claimed_by=None, claimed_at=None))

    def sent(self, claim: Claim, worker: str) -> None:
        """Record that the receiver has the message."""
        with self._store.session() as session:
            now = self._store.dialect.now(session)
            if (record := self._handed_over(session, claim, worker)) is not None:
                record.status, record.sent_at, record.reason = "sent", now, None

    def failed(self, claim: Claim, worker: str, reason: str) -> None:
        """Record that the message will not be sent."""
        with self._store.session() as session:
            if (record := self._handed_over(session, claim, worker)) is not None:
                record.status, record.reason = "failed", reason

    def not_sent_yet(self, claim: Claim, worker: str, reason: str, wait: timedelta | None, *, counts: bool) -> None:
        """Record that the receiver has not got the message, which is tried again later.

        With `counts` it was an attempt of this message; the last one allowed makes it fail.
        """
        with self._store.session() as session:
            record = self._handed_over(session, claim, worker)
            if record is None:
                return
            record.attempts -= 0 if counts else 1
            if record.attempts >= self._settings.sending_max_attempts:
                record.status, record.reason = "failed", f"{reason} It was tried {record.attempts} times."
                return
            self._wait(session, record, wait if wait is not None else back_off(record.attempts), reason)

    def maybe_sent(self, claim: Claim, worker: str, reason: str, *, drops_copies: bool) -> None:
        """Record that the message may have been sent: it is sent again where copies are dropped, else in doubt."""
        with self._store.session() as session:
            record = self._handed_over(session, claim, worker)
            if record is not None:
                self._doubt(session, record, reason, sends_again=drops_copies)

    def recover(self, copy_dropping: Collection[str]) -> int:
        """Put messages in doubt whose sender died while sending them; how many there were.

        With SENDING_WHEN_IN_DOUBT=again, those of channels that drop copies are sent again instead.
        """
        with self._store.session() as session:
            now = self._store.dialect.now(session)
            abandoned = select(OutboxRecord).where(*self._abandoned(now))
            records = session.scalars(abandoned.limit(1000).with_for_update(skip_locked=True)).all()
            for record in records:
                again = self._settings.sending_when_in_doubt == "again" and record.channel in copy_dropping
                self._doubt(session, record, "Its sender ended while sending it.", sends_again=again)
            return len(records)

    def resolve(self, message_id: int, resolution: Resolution) -> OutboxRecord:
        """Decide about a message in doubt: send it again, or take it as sent. Audited.

        Raises `MessageNotFound` and `NotInDoubt`.
        """
        actor = require(Action.RUN_CAMPAIGNS).id
        with self._store.session() as session:
            record = session.get(OutboxRecord, message_id, with_for_update=True)
            if record is None:
                raise MessageNotFound(message_id)
            if record.status != "in_doubt":
                raise NotInDoubt(message_id, record.status)
            now = self._store.dialect.now(session)
            if resolution == "send_again":
                record.attempts = 0
                record.possible_copies += 1
                MESSAGES_SENT_AGAIN.labels(record.channel).inc()
                self._wait(session, record, timedelta(), f"Sent again by {actor}.")
            else:
                record.status, record.sent_at, record.reason = "sent", now, f"Marked as sent by {actor}."
            audit.record(
                session,
                actor=actor,
                action=resolution.replace("_", " "),
                subject_kind=SUBJECT_KIND,
                subject_id=str(message_id),
                details={"campaign": record.campaign_id, "channel": record.channel},
            )
            return record

    def list(
        self,
        *,
        status: Status | None = None,
        campaign_id: str | None = None,
        channel: str | None = None,
        customer_id: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> Sequence[OutboxRecord]:
        """Messages, the newest first; with `before` only those queued before that one."""
        wanted = {
            OutboxRecord.status: status,
            OutboxRecord.campaign_id: campaign_id,
            OutboxRecord.channel: channel,
            OutboxRecord.customer_id: customer_id,
        }
        conditions: list[ColumnElement[bool]] = [column == one for column, one in wanted.items() if one is not None]
        if before is not None:
            conditions.append(OutboxRecord.id < before)
        newest = select(OutboxRecord).where(*conditions).order_by(OutboxRecord.id.desc()).limit(limit)
        with self._store.session(read_only=True) as session:
            return session.scalars(newest).all()

    def cause(self, message_id: int) -> str | None:
        """What made the customer enter, such as "event:17" or "run:3"; None for a message that is not there."""
        entry = select(CampaignEntryRecord.cause).join(OutboxRecord, OutboxRecord.entry_id == CampaignEntryRecord.id)
        with self._store.session(read_only=True) as session:
            return session.scalar(entry.where(OutboxRecord.id == message_id))

    def counts(self) -> dict[tuple[str, str], int]:
        """How many messages there are of each channel and status."""
        counted = select(OutboxRecord.channel, OutboxRecord.status, func.count())
        with self._store.session(read_only=True) as session:
            rows = session.execute(counted.group_by(OutboxRecord.channel, OutboxRecord.status))
            return {(channel, status): count for channel, status, count in rows}

    def overdue(self) -> timedelta:
        """How long the oldest message that could be sent has been due; nothing of a paused campaign counts."""
        first = select(func.min(OutboxRecord.due_at)).where(OutboxRecord.status == "waiting", _is_not_on_hold())
        with self._store.session(read_only=True) as session:
            due, now = session.scalar(first), self._store.dialect.now(session)
            return max(timedelta(), now - due) if due is not None else timedelta()

    def _claimable(self, channel: str, now: datetime) -> list[ColumnElement[bool]]:
        return [
            OutboxRecord.status == "waiting",
            OutboxRecord.due_at <= now,
            OutboxRecord.channel == channel,
            or_(OutboxRecord.claimed_at.is_(None), OutboxRecord.claimed_at < now - self._lease),
            _is_not_on_hold(),
        ]

    def _abandoned(self, now: datetime) -> list[ColumnElement[bool]]:
        return [OutboxRecord.status == "sending", OutboxRecord.claimed_at < now - self._lease]

    def _handed_over(self, session: Session, claim: Claim, worker: str) -> OutboxRecord | None:
        """The row that this worker was sending; None if it was taken from it since."""
        record = session.get(OutboxRecord, claim.id, with_for_update=True)
        is_ours = record is not None and record.claimed_by == worker and record.status in {"sending", "in_doubt"}
        return record if is_ours else None

    def _doubt(self, session: Session, record: OutboxRecord, reason: str, *, sends_again: bool) -> None:
        if sends_again and record.attempts < self._settings.sending_max_attempts:
            record.possible_copies += 1
            MESSAGES_SENT_AGAIN.labels(record.channel).inc()
            self._wait(session, record, back_off(record.attempts), reason)
        else:
            record.status, record.reason = "in_doubt", reason

    def _wait(self, session: Session, record: OutboxRecord, wait: timedelta, reason: str | None) -> None:
        record.status, record.reason = "waiting", reason
        record.claimed_by = record.claimed_at = None
        record.due_at = self._store.dialect.now(session) + wait


def _is_not_on_hold() -> ColumnElement[bool]:
    """Whether the campaign runs, or will never run again, in which case its messages are cancelled."""
    on_hold = select(CampaignRecord.id).where(CampaignRecord.state.not_in(("running", "ended")))
    return OutboxRecord.campaign_id.not_in(on_hold)


def back_off(attempts: int) -> timedelta:
    """How long to wait after so many attempts: half a minute, doubled each time, and up to as much again at random."""
    wait = min(timedelta(seconds=30) * 2 ** max(0, attempts - 1), _MAX_BACK_OFF)
    return wait * (1 + random.random())  # noqa: S311 -- so that not all are tried at the same moment
