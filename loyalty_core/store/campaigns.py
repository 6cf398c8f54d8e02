"""Tables of the campaigns: their current state, every version, their runs, and who entered them."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- SQLAlchemy reads the annotations
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from loyalty_core.store.base import ROW_NUMBER, Base

_CAMPAIGN = "campaigns.id"
_OPTIONAL_JSON = JSON(none_as_null=True)


class CampaignRecord(Base):
    """The current state of a campaign; `name_key` is the case-insensitive name, `content` the definition as JSON.

    `state` is "draft", "awaiting_approval", "running", "paused" or "ended". `salt` makes the assignment to holdout and
    variants of this campaign independent of that of others, and never changes. `next_run_at` is the next time of its
    schedule.
    """

    __tablename__ = "campaigns"
    __table_args__ = (Index(None, "state", "next_run_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(unique=True)
    content: Mapped[Any] = mapped_column(JSON, nullable=False)
    state: Mapped[str]
    salt: Mapped[str]
    owner: Mapped[str]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    updated_by: Mapped[str]
    submitted_by: Mapped[str | None]
    approved_by: Mapped[str | None]
    approved_version: Mapped[int | None]
    started_by: Mapped[str | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    next_run_at: Mapped[datetime | None]
    is_simulated: Mapped[bool]


class CampaignVersionRecord(Base):
    """One saved version of a campaign. Rows are added and read, never changed."""

    __tablename__ = "campaign_versions"

    campaign_id: Mapped[str] = mapped_column(ForeignKey(_CAMPAIGN, ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    changes: Mapped[list[str]] = mapped_column(JSON)
    name: Mapped[str]
    content: Mapped[Any] = mapped_column(JSON, nullable=False)


class CampaignRunRecord(Base):
    """One run of a campaign over its whole audience, by schedule or by hand.

    A run by schedule is unique for the time it was due, so that two schedulers cannot both make it. `status` is
    "waiting", "running", "done", "failed" or "missed"; `counts` has the figures of the suppression waterfall. `job` is
    the background job that makes it.
    """

    __tablename__ = "campaign_runs"
    __table_args__ = (UniqueConstraint("campaign_id", "due_at"),)

    id: Mapped[int] = mapped_column(ROW_NUMBER, primary_key=True)
    campaign_id: Mapped[str] = mapped_column(ForeignKey(_CAMPAIGN, ondelete="CASCADE"))
    due_at: Mapped[datetime]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    started_by: Mapped[str]
    version: Mapped[int]
    status: Mapped[str]
    counts: Mapped[Any] = mapped_column(_OPTIONAL_JSON, nullable=True)
    error: Mapped[dict[str, str] | None] = mapped_column(_OPTIONAL_JSON)
    job: Mapped[int | None]


class CampaignEntryRecord(Base):
    """A customer entered a campaign, for the `number`-th time.

    Holdout and variant are decided at the first entry and copied to later ones. `status` is "queued", "holdout" or
    "suppressed", and `reason` says why nothing is sent. `cause` names what made the customer enter: "event:17",
    "run:3". The table is written by the million, so it has no foreign keys.
    """

    __tablename__ = "campaign_entries"
    __table_args__ = (
        UniqueConstraint("campaign_id", "customer_id", "number"),
        Index(None, "customer_id", "entered_at"),
        Index(None, "campaign_id", "status", "entered_at"),
    )

    id: Mapped[int] = mapped_column(ROW_NUMBER, primary_key=True)
    campaign_id: Mapped[str]
    customer_id: Mapped[str]
    number: Mapped[int]
    entered_at: Mapped[datetime]
    cause: Mapped[str]
    version: Mapped[int]
    status: Mapped[str]
    reason: Mapped[str | None]
    variant: Mapped[str | None]
    offer_id: Mapped[int | None] = mapped_column(BigInteger)
    churn_probability: Mapped[float | None]
    is_simulated: Mapped[bool]


class EntryFeaturesRecord(Base):
    """The features of customers as they entered a campaign, from `first_entry` to `last_entry`, some thousand at once.

    `content` is a Parquet file with the id of each entry and the features by the names of the mapping, of `rows`
    customers.
    """

    __tablename__ = "campaign_entry_features"
    __table_args__ = (UniqueConstraint("campaign_id", "first_entry"), Index(None, "recorded_at"))

    id: Mapped[int] = mapped_column(ROW_NUMBER, primary_key=True)
    campaign_id: Mapped[str]
    first_entry: Mapped[int] = mapped_column(BigInteger)
    last_entry: Mapped[int] = mapped_column(BigInteger)
    recorded_at: Mapped[datetime]
    rows: Mapped[int]
    content: Mapped[bytes]


def segments_read(content: Any) -> frozenset[str]:
    """Ids of the segments that the definition of a campaign reads."""
    audience, trigger = content.get("audience") or {}, content.get("trigger") or {}
    lists = [*(audience.get("include") or ()), *(audience.get("exclude") or ())]
    return frozenset(one for one in (audience.get("segment"), trigger.get("segment"), *lists) if one)


def policy_read(content: Any) -> str | None:
    """Id of the offer policy that the definition of a campaign reads."""
    return (content.get("offer") or {}).get("policy")
