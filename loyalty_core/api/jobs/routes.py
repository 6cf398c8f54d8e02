"""Jobs: list, read and cancel."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from loyalty_core.access import current_viewer
from loyalty_core.api.jobs.answers import JobAnswer, JobId, KindName, describe
from loyalty_core.services import get_services

router = APIRouter()


class JobPage(BaseModel):
    """A page of jobs, newest first."""

    jobs: list[JobAnswer]
    next_cursor: int | None = Field(description="The `cursor` of the next page; null on the last one")


@router.get("/")
def list_jobs(
    kind: Annotated[KindName | None, Query(description="Only jobs of this kind")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[int | None, Query(ge=1, le=2**53)] = None,
) -> JobPage:
    """Jobs of all kinds or of one, newest first."""
    found = get_services().jobs.list(limit + 1, before=cursor, kind=kind)
    page = found[:limit]
    return JobPage(jobs=[describe(job) for job in page], next_cursor=page[-1].id if len(found) > limit else None)


@router.get("/{job_id}/")
def read_job(job_id: JobId) -> JobAnswer:
    """One job: its state, progress, and how it ended."""
    return describe(get_services().jobs.get(job_id))


@router.delete("/{job_id}/")
@router.post("/{job_id}/cancel/", operation_id="cancel_job_by_post")
def cancel_job(job_id: JobId) -> JobAnswer:
    """Ask a job to stop; if it does not within seconds, it is killed. One that has ended stays as it is."""
    return describe(get_services().jobs.cancel(job_id, current_viewer().id))
