"""Tables of the messages: the outbox, the outcome of each message, and who does not want any."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- SQLAlchemy reads the annotations

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from loyalty_core.store.base import ROW_NUMBER, Base


class OutboxRecord(Base):
    """A message to one customer by one channel: at most one for each entry into a campaign, customer and channel.

    `status` is "waiting", "sending", "sent", "failed", "in_doubt" or "cancelled". A row counts towards frequency caps
    and budgets from the moment it is made, unless it is cancelled or failed. `key` is the stable id by which receivers
    recognise a second copy. `reason` says why a row is cancelled or failed. The table is written by the million, so it
    has no foreign keys.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("campaign_id", "entry_id", "customer_id", "channel"),
        UniqueConstraint("key"),
        Index(None, "status", "due_at", "id"),
        Index(None, "customer_id", "queued_at"),
        Index(None, "campaign_id", "status", "queued_at"),
    )

    id: Mapped[int] = mapped_column(ROW_NUMBER, primary_key=True)
    campaign_id: Mapped[str]
    entry_id: Mapped[int] = mapped_column(BigInteger)
    customer_id: Mapped[str]
    channel: Mapped[str]
    key: Mapped[str]
    version: Mapped[int]
    variant: Mapped[str | None]
    offer_id: Mapped[int | None] = mapped_column(BigInteger)
    queued_at: Mapped[datetime]
    due_at: Mapped[datetime]
    # After this moment the message is no longer worth sending.
    expires_at: Mapped[datetime | None]
    status: Mapped[str]
    attempts: Mapped[int]
    claimed_by: Mapped[str | None]
    claimed_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    # How often it was sent again although the receiver may have had it already.
    possible_copies: Mapped[int] = mapped_column(default=0, server_default="0")
    is_simulated: Mapped[bool]


class MessageOutcomeRecord(Base):
    """The outcome of a message, or of a customer of the holdout: delivered, opened, clicked, converted, and so on.

    `message_key` is None for outcomes of the holdout. `event` is the row of the event that said so; each outcome of an
    entry is stored once for each event.
    """

    __tablename__ = "message_outcomes"
    __table_args__ = (
        UniqueConstraint("entry_id", "kind", "event"),
        Index(None, "campaign_id", "kind", "occurred_at"),
        Index(None, "customer_id", "occurred_at"),
    )

    id: Mapped[int] = mapped_column(ROW_NUMBER, primary_key=True)
    campaign_id: Mapped[str]
    entry_id: Mapped[int] = mapped_column(BigInteger)
    customer_id: Mapped[str]
    message_key: Mapped[str | None]
    channel: Mapped[str | None]
    kind: Mapped[str]
    occurred_at: Mapped[datetime]
    offer_id: Mapped[int | None] = mapped_column(BigInteger)
    value: Mapped[float | None]
    event: Mapped[int | None] = mapped_column(BigInteger)
    is_simulated: Mapped[bool]


class ContactPreferenceRecord(Base):
    """A customer's own choice for one channel, or for all of them under the channel "*"; it overrides the warehouse."""

    __tablename__ = "contact_preferences"

    customer_id: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    may_contact: Mapped[bool]
    changed_at: Mapped[datetime]
    # "preference page", "one-click", "event", or the name of a person.
    changed_by: Mapped[str]


class ChannelRateRecord(Base):
    """The messages that a channel has sent in the current window of its rate limit, shared by all senders."""

    __tablename__ = "channel_rates"

    channel: Mapped[str] = mapped_column(primary_key=True)
    window_starts_at: Mapped[datetime]
    sent: Mapped[int]
