"""What the routes of campaigns read and answer."""

import re
from dataclasses import fields
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from loyalty_core.campaigns import (
    Campaign,
    CampaignNotFound,
    CampaignRun,
    CampaignVersion,
    Definition,
    State,
    Waterfall,
)

_ID = re.compile(r"[a-z0-9-]{1,100}")


def _possible_id(campaign_id: str) -> str:
    """Reject impossible ids before querying a database; PostgreSQL, for example, does not accept NUL."""
    if not _ID.fullmatch(campaign_id):
        raise CampaignNotFound(campaign_id)
    return campaign_id


CampaignId = Annotated[str, AfterValidator(_possible_id)]
ExactVersion = Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DefinitionBody(_Strict):
    """A definition that is only tried; what is left out is as in a new campaign."""

    definition: Definition


class CampaignBody(_Strict):
    """A new campaign, which is a draft until it is started."""

    name: str
    definition: Definition = Field(default_factory=Definition)


class CampaignUpdate(_Strict):
    """The next version of a campaign, based on `version`."""

    name: str
    definition: Definition
    version: ExactVersion


class CampaignPatch(_Strict):
    """The parts to change, each as a whole; with `version`, only if that is still the newest."""

    name: str | None = None
    definition: dict[str, Any] = Field(default={}, description="Parts of the definition, such as holdout")
    version: ExactVersion | None = None


class RestoreCampaignBody(_Strict):
    """The version to restore."""

    version: ExactVersion


class ApproveBody(_Strict):
    """The version to approve; without it, the newest."""

    version: ExactVersion | None = None


class RejectBody(_Strict):
    """Why the version is sent back."""

    reason: Annotated[str, Field(max_length=500)] = ""


class CampaignAnswer(BaseModel):
    """A campaign with its definition and state; `next_run_at` is the next time of its schedule while it runs."""

    id: str
    name: str
    state: State
    version: int
    definition: Definition
    owner: str
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
    missing: list[str] = Field(description="What has to be added before it can be started, in sentences")


class CampaignsAnswer(BaseModel):
    """Campaigns by name."""

    campaigns: list[CampaignAnswer]


class CampaignVersionAnswer(BaseModel):
    """A campaign as it was saved once, and in sentences what changed."""

    number: int
    at: datetime
    actor: str
    changes: list[str]
    name: str
    definition: Definition


class CampaignVersionsAnswer(BaseModel):
    """All versions, newest first."""

    versions: list[CampaignVersionAnswer]


class RunError(BaseModel):
    """Why a run failed."""

    what: str
    why: str
    remedy: str


class RunAnswer(BaseModel):
    """A run over the whole audience; `counts` are the figures of the waterfall once it is done."""

    id: int
    campaign_id: str
    status: str = Field(description="waiting, running, done, failed or missed")
    due_at: datetime
    started_at: datetime
    ended_at: datetime | None
    started_by: str
    version: int
    counts: dict[str, int] | None
    error: RunError | None
    job_id: int | None


class RunsAnswer(BaseModel):
    """Runs, newest first."""

    runs: list[RunAnswer]


class WaterfallStep(BaseModel):
    """How many customers one reason removes, and how many remain after it."""

    reason: str
    title: str
    removed: int
    remaining: int


class WaterfallAnswer(BaseModel):
    """How many customers of the audience get a message, and why the others do not.

    `delayed` of `to_send` wait for the end of quiet hours, the last of them until `delayed_until`.
    """

    audience: int
    steps: list[WaterfallStep]
    to_send: int
    delayed: int
    delayed_until: datetime | None
    unreadable_zones: int
    by_channel: dict[str, int]
    by_variant: dict[str, int]
    by_offer: dict[str, int]


def campaign_answer(campaign: Campaign) -> dict[str, Any]:
    """A `CampaignAnswer`."""
    left_out = {"definition", "salt"}
    parts = {one.name: getattr(campaign, one.name) for one in fields(campaign) if one.name not in left_out}
    return parts | {"definition": campaign.definition.to_json(), "missing": campaign.definition.missing()}


def version_answer(version: CampaignVersion) -> dict[str, Any]:
    """A `CampaignVersionAnswer`."""
    parts = {one.name: getattr(version, one.name) for one in fields(version)}
    return parts | {"definition": version.definition.to_json(), "changes": list(version.changes)}


def run_answer(run: CampaignRun) -> dict[str, Any]:
    """A `RunAnswer`."""
    parts = {one.name: getattr(run, one.name) for one in fields(run) if one.name != "job"}
    return parts | {"job_id": run.job}


def waterfall_answer(found: Waterfall) -> dict[str, Any]:
    """A `WaterfallAnswer`."""
    return {
        "audience": found.audience,
        "steps": [vars(step) for step in found.steps],
        "to_send": found.to_send,
        "delayed": found.delayed,
        "delayed_until": found.delayed_until,
        "unreadable_zones": found.unreadable_zones,
        "by_channel": found.by_channel,
        "by_variant": found.by_variant,
        "by_offer": {str(offer): customers for offer, customers in found.by_offer.items()},
    }
