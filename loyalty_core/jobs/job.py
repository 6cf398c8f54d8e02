"""Jobs and their events, as the queue returns them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

if TYPE_CHECKING:
    from datetime import datetime

    from loyalty_core.errors import LoyaltyError
    from loyalty_core.store.jobs import JobEventRecord, JobRecord

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
UNDER_WAY: tuple[JobState, ...] = ("queued", "running")
# The phase of a job that has no process yet, because as many others of its kind as allowed are running.
WAITING = "Waiting for its turn"


class JobError(NamedTuple):
    """Why a job failed: what happened, why, and what to do about it, with the code of the `LoyaltyError`."""

    what: str
    why: str = ""
    remedy: str = ""
    code: str = ""

    @classmethod
    def of(cls, error: LoyaltyError) -> JobError:
        return cls(error.what, error.why, error.remedy, error.code)


@dataclass(frozen=True)
class Outcome:
    """How a job ended."""

    state: Literal["done", "failed", "cancelled"]
    error: JobError | None = None
    result: Any = None


@dataclass(frozen=True)
class Job:
    """A snapshot of a job.

    `done` of `total` (None while unknown) counts within the `phase`. `seconds` is how long it has run so far, or ran.
    `log_tail` has the last lines of its log; until the job ends, the whole log is in `log_file` on the job's machine.
    `result` is what its handler returned.
    """

    id: int
    kind: str
    options: dict[str, Any]
    state: JobState
    phase: str
    done: int
    total: int | None
    message: str
    started_by: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float
    is_stopping: bool
    is_dismissed: bool
    error: JobError | None
    log_tail: str
    log_file: str | None
    result: Any

    @property
    def is_under_way(self) -> bool:
        return self.state in UNDER_WAY

    @property
    def share(self) -> float:
        """How much of the phase is done, 0 to 1."""
        return min(self.done / self.total, 1.0) if self.total else 0.0


@dataclass(frozen=True)
class JobEvent:
    """An event that a job reported; numbered from 1 within the job."""

    number: int
    at: datetime
    data: Any


def job_of(record: JobRecord, now: datetime) -> Job:
    """The job as the record describes it at `now` by the store's clock."""
    return Job(
        id=record.id,
        kind=record.kind,
        options=record.options,
        state=cast("JobState", record.state),
        phase=record.phase,
        done=record.done,
        total=record.total,
        message=record.message,
        started_by=record.started_by,
        created_at=record.created_at,
        started_at=record.started_at,
        ended_at=record.ended_at,
        # Not below 0, should the store's clock have been set back meanwhile.
        seconds=max(0.0, ((record.ended_at or now) - (record.started_at or record.created_at)).total_seconds()),
        is_stopping=record.cancel_requested_at is not None and record.ended_at is None,
        is_dismissed=record.dismissed_at is not None,
        error=JobError(**record.error) if record.error else None,
        log_tail=record.log_tail,
        log_file=record.log_file,
        result=record.result,
    )


def event_of(record: JobEventRecord) -> JobEvent:
    return JobEvent(record.number, record.at, record.data)
