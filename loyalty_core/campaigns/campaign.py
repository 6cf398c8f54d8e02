"""Campaigns as the repository returns them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from loyalty_core.campaigns.definition import Definition

if TYPE_CHECKING:
    from datetime import datetime

    from loyalty_core.store.campaigns import CampaignRecord, CampaignRunRecord, CampaignVersionRecord

State = Literal["draft", "awaiting_approval", "running", "paused", "ended"]
STATES: tuple[State, ...] = ("draft", "awaiting_approval", "running", "paused", "ended")
RunStatus = Literal["waiting", "running", "done", "failed", "missed"]


@dataclass(frozen=True)
class Campaign:
    """The current version of a campaign, and its state.

    `salt` makes its holdout and variants independent of those of others. `next_run_at` is the next time of its
    schedule while it runs.
    """

    id: str
    name: str
    definition: Definition
    state: State
    salt: str
    owner: str
    version: int
    created_at: datetime
    updated_at: datetime
    updated_by: str
    submitted_by: str | None
    approved_by: str | None
    approved_version: int | None
    started_by: str | None
    started_at: datetime | None
    ended_at: datetime | None
    next_run_at: datetime | None
    is_simulated: bool

    @property
    def is_approved(self) -> bool:
        """Whether the current version was approved."""
        return self.approved_version == self.version


@dataclass(frozen=True)
class CampaignVersion:
    """The campaign as it was saved once, and in sentences what changed from the version before."""

    number: int
    at: datetime
    actor: str
    changes: tuple[str, ...]
    name: str
    definition: Definition


@dataclass(frozen=True)
class CampaignRun:
    """One run over the whole audience; `counts` has the figures of the waterfall by step once it is done."""

    id: int
    campaign_id: str
    due_at: datetime
    started_at: datetime
    ended_at: datetime | None
    started_by: str
    version: int
    status: RunStatus
    counts: dict[str, int] | None
    error: dict[str, str] | None
    job: int | None


def campaign_of(record: CampaignRecord) -> Campaign:
    """The campaign in a row."""
    return Campaign(
        id=record.id,
        name=record.name,
        definition=Definition.from_json(record.content),
        state=cast("State", record.state),
        salt=record.salt,
        owner=record.owner,
        version=record.version,
        created_at=record.created_at,
        updated_at=record.updated_at,
        updated_by=record.updated_by,
        submitted_by=record.submitted_by,
        approved_by=record.approved_by,
        approved_version=record.approved_version,
        started_by=record.started_by,
        started_at=record.started_at,
        ended_at=record.ended_at,
        next_run_at=record.next_run_at,
        is_simulated=record.is_simulated,
    )


def version_of(record: CampaignVersionRecord) -> CampaignVersion:
    """The version in a row."""
    definition = Definition.from_json(record.content)
    return CampaignVersion(record.number, record.at, record.actor, tuple(record.changes), record.name, definition)


def run_of(record: CampaignRunRecord) -> CampaignRun:
    """The run in a row."""
    return CampaignRun(
        id=record.id,
        campaign_id=record.campaign_id,
        due_at=record.due_at,
        started_at=record.started_at,
        ended_at=record.ended_at,
        started_by=record.started_by,
        version=record.version,
        status=cast("RunStatus", record.status),
        counts=record.counts,
        error=record.error,
        job=record.job,
    )
