"""Exports as background jobs: start, poll, cancel, and download the file."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from loyalty_core.access import Action, current_viewer
from loyalty_core.api.access import allowed
from loyalty_core.api.files import FILES, MEDIA_TYPES
from loyalty_core.api.jobs import JobFailure
from loyalty_core.api.segments import SegmentId
from loyalty_core.jobs import Job, JobNotFound, JobState
from loyalty_core.segments.exports import ExportNotFound, Format, find_export
from loyalty_core.services import get_services
from loyalty_core.store import audit

router = APIRouter(prefix="/exports", dependencies=[allowed(Action.EXPORT)])

KIND = "export"

JobId = Annotated[int, Path(ge=1, le=2**53)]


class ExportBody(BaseModel):
    """What to export: without a segment, all customers; without columns, all columns of the features view."""

    model_config = ConfigDict(extra="forbid")

    segment_id: SegmentId | None = None
    format: Format = "csv"
    columns: list[str] = Field(default=[], max_length=2_000)


class ExportAnswer(BaseModel):
    """An export; `done` of `total` customers are written. `file`, `customers` and `bytes` are known once it is done."""

    job_id: int
    segment_id: str | None
    format: Format
    state: JobState
    done: int
    total: int | None
    error: JobFailure | None
    file: str | None = None
    customers: int | None = None
    bytes: int | None = None


@router.post("/", status_code=202, response_model=ExportAnswer, response_model_exclude_unset=True)
def start_export(body: ExportBody) -> dict[str, Any]:
    """Start an export; poll the job for its progress."""
    services = get_services()
    if body.segment_id is not None:
        services.segments.get(body.segment_id)
    return _as_json(services.jobs.start(KIND, body.model_dump(), current_viewer().id))


@router.get("/{job_id}/", response_model=ExportAnswer, response_model_exclude_unset=True)
def read_export(job_id: JobId) -> dict[str, Any]:
    """The progress or result of an export."""
    return _as_json(_export(job_id))


@router.delete("/{job_id}/", response_model=ExportAnswer, response_model_exclude_unset=True)
def cancel_export(job_id: JobId) -> dict[str, Any]:
    """Cancel an export; a finished one stays unchanged."""
    _export(job_id)
    return _as_json(get_services().jobs.cancel(job_id, current_viewer().id))


@router.get("/{job_id}/file/", response_class=FileResponse, responses=FILES)
def download_export(job_id: JobId) -> FileResponse:
    """Download the finished file."""
    job, settings = _export(job_id), get_services().settings
    if job.state != "done":
        raise ExportNotFound
    file = find_export(settings.exports_dir, job.result["file"], settings.exports_kept_days)
    with get_services().store.session() as session:
        details = {"file": file.name, "customers": job.result["customers"]}
        audit.record(session, action="downloaded", subject_kind="job", subject_id=str(job_id), details=details)
    return FileResponse(file, media_type=MEDIA_TYPES[job.options["format"]], filename=file.name)


def _export(job_id: int) -> Job:
    """The export job; raises `JobNotFound` for other kinds of job."""
    job = get_services().jobs.get(job_id)
    if job.kind != KIND:
        raise JobNotFound(job_id)
    return job


def _as_json(job: Job) -> dict[str, Any]:
    return {
        "job_id": job.id,
        "segment_id": job.options["segment_id"],
        "format": job.options["format"],
        "state": job.state,
        "done": job.done,
        "total": job.total,
        "error": {"what": job.error.what, "why": job.error.why, "remedy": job.error.remedy} if job.error else None,
        **(job.result or {}),
    }
