"""A job as the API describes it."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path, Request, Response
from pydantic import BaseModel, Field

from loyalty_core.access import Action, current_viewer
from loyalty_core.api.json_values import JsonValue
from loyalty_core.jobs import Job, JobState
from loyalty_core.jobs.kinds import KINDS

JobId = Annotated[int, Path(ge=1, le=2**53)]
KindName = Literal["scoring", "training", "comparison", "connection", "segments", "campaign", "export"]


class JobFailure(BaseModel):
    """Why a job failed, and what to do about it."""

    what: str
    why: str
    remedy: str


class JobAnswer(BaseModel):
    """A job; `done` of `total` (null while unknown) counts within the `phase`.

    `options`, `result` and `log_tail` are null for viewers who may not start jobs of this kind.
    """

    job_id: int
    kind: str
    title: str
    state: JobState
    phase: str
    done: int
    total: int | None
    message: str
    started_by: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float = Field(description="How long it has run so far, or ran")
    is_stopping: bool
    error: JobFailure | None
    options: dict[str, JsonValue] | None
    result: JsonValue
    log_tail: str | None


def describe(job: Job) -> JobAnswer:
    """The job for the current viewer."""
    kind = KINDS.get(job.kind)
    sees_content = current_viewer().may(kind.action if kind else Action.TRAIN)
    return JobAnswer(
        job_id=job.id,
        kind=job.kind,
        title=kind.title if kind else job.kind,
        state=job.state,
        phase=job.phase,
        done=job.done,
        total=job.total,
        message=job.message,
        started_by=job.started_by,
        created_at=job.created_at,
        started_at=job.started_at,
        ended_at=job.ended_at,
        seconds=round(job.seconds, 3),
        is_stopping=job.is_stopping,
        error=JobFailure(what=job.error.what, why=job.error.why, remedy=job.error.remedy) if job.error else None,
        options=job.options if sees_content else None,
        result=job.result if sees_content else None,
        log_tail=job.log_tail if sees_content else None,
    )


def accepted(job: Job, request: Request, response: Response) -> JobAnswer:
    """The answer to a request that started a job, with its address in `Location`."""
    response.headers["Location"] = f"{request.scope.get('root_path', '')}/jobs/{job.id}/"
    return describe(job)
