"""Sends what is due in the outbox, one message after the other; several senders share the work."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import time
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING

from sqlalchemy.exc import IntegrityError

from loyalty_core.campaigns.contact import EVERY_CHANNEL, opt_outs_of
from loyalty_core.campaigns.quiet_hours import next_allowed, read_zone
from loyalty_core.campaigns.sending.channels import (
    ChannelDown,
    LogChannel,
    MaybeSent,
    PermanentFailure,
    TemporaryFailure,
    all_channels,
)
from loyalty_core.campaigns.sending.outbox import Outbox
from loyalty_core.campaigns.sending.preparing import NotReady, Preparation, Ready
from loyalty_core.campaigns.sending.rates import Rates
from loyalty_core.errors import LoyaltyError, StateStoreUnavailable
from loyalty_core.store.campaigns import CampaignRecord
from loyalty_core.store.segments import SegmentMember
from loyalty_core.telemetry import MESSAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection
    from sqlalchemy.orm import Session

    from loyalty_core.campaigns.sending.channels import Channel, Message
    from loyalty_core.campaigns.sending.claims import Claim
    from loyalty_core.settings import Settings
    from loyalty_core.store import StateStore
    from loyalty_core.store.messages import OutboxRecord
    from loyalty_core.warehouse import FeatureStore, Warehouse
    from loyalty_core.warehouse.offers import OfferCatalog

    Send = Callable[[Message], None]

_log = logging.getLogger(__name__)

_BATCH = 50
_IDLE_SECONDS, _OUTAGE_SECONDS = 1.0, 5.0
_SHORTEST_REST, _LONGEST_REST = timedelta(seconds=5), timedelta(minutes=5)
# How often, and how long apart at first, the result of a message is written where the state store does not answer.
_RECORDING_ATTEMPTS, _RECORDING_WAIT_SECONDS = 6, 0.5


class Sender:
    """One worker. `channels` replaces those of the settings by others of the same names."""

    def __init__(
        self,
        settings: Settings,
        store: StateStore,
        warehouse: Warehouse,
        features: FeatureStore,
        offers: OfferCatalog,
        *,
        channels: Mapping[str, Channel] | None = None,
    ) -> None:
        self.worker = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.outbox = Outbox(store, settings)
        self._settings = settings
        self._store = store
        self._channels = dict(channels or all_channels(settings))
        self._preparation = Preparation(settings, store, warehouse, features, offers)
        self._rates = Rates(settings.sending_per_second)
        self._stop = Event()
        self._rests: dict[str, _Rest] = {name: _Rest() for name in self._channels}

    def stop(self) -> None:
        """Ask the sender to end after the message that it is sending; safe in a signal handler."""
        self._stop.set()

    @property
    def is_stopped(self) -> bool:
        return self._stop.is_set()

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Send until `stop`, or until `until` says so; outages of the state store and the warehouse are waited out."""
        trouble = ""
        while not self._stop.is_set() and not until():
            try:
                wait = 0 if self.send_due() else _IDLE_SECONDS
                trouble = ""
            except LoyaltyError as error:
                wait = _OUTAGE_SECONDS
                if str(error) != trouble:
                    _log.warning("sending waits: %s", error)
                trouble = str(error)
            except Exception:  # noqa: BLE001 -- one faulty round must not end the sending of everything
                wait = _OUTAGE_SECONDS
                _log.exception("a round of sending failed")
            self._stop.wait(wait)

    def send_due(self) -> int:
        """Take one batch of each channel, and return how many messages were dealt with."""
        handled = 0
        with self._store.reading():  # most of the time, nothing is due
            is_abandoned = self.outbox.has_abandoned()
            due = [] if is_abandoned else [name for name in self._channels if self.outbox.has_due(name)]
        if is_abandoned:
            handled = self.outbox.recover([name for name, channel in self._channels.items() if channel.drops_copies])
            due = list(self._channels)  # including what was recovered
        for name in due:
            if not self._stop.is_set() and not self._rests[name].lasts:
                handled += self._send_batch(self._channels[name])
        return handled

    def _send_batch(self, channel: Channel) -> int:
        claims = self.outbox.claim(self.worker, channel.name, self._rates.at_once(channel.name, _BATCH))
        if not claims:
            return 0
        left = {claim.id: claim for claim in claims}
        try:
            prepared = self._preparation.prepare(claims)
            # One connection for the batch: SQLite does a good deal whenever the last one is closed.
            with self._store.connection() as connection, channel.opened() as send:
                for claim in claims:
                    if self._stop.is_set() or not self._handle(claim, prepared[claim.id], channel, send, connection):
                        break
                    del left[claim.id]
        except LoyaltyError as error:
            self._rests[channel.name].begin()
            _log.warning("messages by %s wait: %s", channel.name, error)
        finally:
            self.outbox.release(left.values(), self.worker)
        return len(claims) - len(left)

    def _handle(
        self, claim: Claim, prepared: Ready | NotReady, channel: Channel, send: Send, connection: Connection
    ) -> bool:
        """Send one message or say why not; False where the rest of the batch has to wait."""
        try:
            with self._store.session(on=connection) as session:
                record = self.outbox.begin(session, claim, self.worker)
                if record is None:
                    return True
                now = self._store.dialect.now(session)
                if isinstance(prepared, NotReady):
                    _give_up(record, prepared.reason, "failed" if prepared.is_failure else "cancelled")
                    return True
                if not self._may_be_sent(session, record, prepared, now):
                    return True
                if not claim.is_simulated and (free_at := self._rates.take(session, channel.name, now)) is not None:
                    self._rests[channel.name].last(free_at - now)
                    return False
                record.status, record.claimed_at = "sending", now
                record.attempts += 1
        except IntegrityError:  # two senders began to count the messages of a channel at the same moment
            return False
        return self._send(claim, prepared.message, channel, send)

    def _may_be_sent(self, session: Session, record: OutboxRecord, ready: Ready, now: datetime) -> bool:
        """Check again what may have changed since the message was queued; what is not sent is marked so."""
        campaign = session.get(CampaignRecord, record.campaign_id)
        unwanted = opt_outs_of(session, [record.customer_id]).get(record.customer_id, frozenset())
        if campaign is None:
            _give_up(record, "The campaign was deleted.")
        elif campaign.state == "ended":
            _give_up(record, "The campaign has ended.")
        elif campaign.state != "running":
            record.claimed_by = record.claimed_at = None
        elif record.expires_at is not None and record.expires_at <= now:
            _give_up(record, "It was no longer worth sending.")
        elif unwanted & {EVERY_CHANNEL, record.channel}:
            _give_up(record, f"The customer has unsubscribed from {record.channel}.")
        elif self._has_left(session, record, ready):
            _give_up(record, "The customer has left the segment.")
        elif (due := self._after_quiet_hours(ready, now)) > now:
            record.due_at, record.claimed_by, record.claimed_at = due, None, None
        else:
            return True
        return False

    def _has_left(self, session: Session, record: OutboxRecord, ready: Ready) -> bool:
        """Whether the campaign is for those who joined a segment, and the customer is not in it any more."""
        trigger = ready.definition.trigger
        if not (ready.definition.cancel_on_leave and trigger.kind == "segment_joined" and trigger.segment):
            return False
        return session.get(SegmentMember, (trigger.segment, record.customer_id)) is None

    def _after_quiet_hours(self, ready: Ready, now: datetime) -> datetime:
        zone = read_zone(ready.time_zone) if ready.time_zone else None
        return next_allowed(now, ready.definition.quiet_hours, zone or self._settings.zone)

    def _send(self, claim: Claim, message: Message, channel: Channel, send: Send) -> bool:
        """Hand the message over and record the outcome; False where the channel takes no more now."""
        outbox, worker = self.outbox, self.worker
        try:
            (_to_log if claim.is_simulated else send)(message)
        except PermanentFailure as error:
            reason = _reason(error)
            self._record("failed", claim, lambda: outbox.failed(claim, worker, reason))
        except ChannelDown as error:
            reason = _reason(error)
            rest = self._rests[channel.name].begin()
            self._record("waiting", claim, lambda: outbox.not_sent_yet(claim, worker, reason, rest, counts=False))
            _log.warning("messages by %s wait: %s", channel.name, error)
            return False
        except TemporaryFailure as error:
            reason = _reason(error)
            wait = timedelta(seconds=error.wait_seconds) if error.wait_seconds is not None else None
            self._record("waiting", claim, lambda: outbox.not_sent_yet(claim, worker, reason, wait, counts=True))
        except Exception as error:  # noqa: BLE001 -- whatever it is, the receiver may have the message
            if not isinstance(error, MaybeSent):
                _log.exception("sending failed in a way that the channel does not describe")
            reason = _reason(error)
            drops_copies = channel.drops_copies
            self._record("in_doubt", claim, lambda: outbox.maybe_sent(claim, worker, reason, drops_copies=drops_copies))
        else:
            self._rests[channel.name].end()
            self._record("sent", claim, lambda: outbox.sent(claim, worker))
        return True

    def _record(self, result: str, claim: Claim, write: Callable[[], None]) -> None:
        """Write the outcome of a message; where the store does not answer for long, the message will be in doubt."""
        MESSAGES.labels(claim.channel, result).inc()
        for attempt in range(_RECORDING_ATTEMPTS):
            try:
                write()
                return
            except StateStoreUnavailable:
                if attempt == _RECORDING_ATTEMPTS - 1:
                    raise
                # Also while the sender is to stop: this message has been handed over.
                time.sleep(_RECORDING_WAIT_SECONDS * 2**attempt)


class _Rest:
    """A pause of a channel that takes no messages, longer each time."""

    def __init__(self) -> None:
        self._until = 0.0
        self._length = _SHORTEST_REST

    @property
    def lasts(self) -> bool:
        return time.monotonic() < self._until

    def last(self, length: timedelta) -> None:
        self._until = time.monotonic() + length.total_seconds()

    def begin(self) -> timedelta:
        length = self._length
        self._length = min(length * 2, _LONGEST_REST)
        self.last(length)
        return length

    def end(self) -> None:
        self._until, self._length = 0.0, _SHORTEST_REST


def _give_up(record: OutboxRecord, reason: str, status: str = "cancelled") -> None:
    record.status, record.reason = status, reason
    record.claimed_by = record.claimed_at = None
    MESSAGES.labels(record.channel, status).inc()


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, LoyaltyError) else f"{type(error).__name__}."


def _to_log(message: Message) -> None:
    with LogChannel().opened() as send:
        send(message)
