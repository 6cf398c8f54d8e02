"""What can go wrong with jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.errors import LoyaltyError
from loyalty_core.jobs.kinds import KINDS

if TYPE_CHECKING:
    from loyalty_core.jobs.job import Job


class JobRunning(LoyaltyError):
    """A job of an exclusive kind is already running; `job` is that one."""

    code = "job_running"

    def __init__(self, job: Job) -> None:
        super().__init__(
            f"{KINDS[job.kind].title} is already running.",
            f"{job.started_by} started it on {job.created_at:%Y-%m-%d at %H:%M} UTC.",
            "Wait until it ends, or cancel it.",
        )
        self.job = job


class JobNotFound(LoyaltyError):
    """There is no such job."""

    code = "job_not_found"

    def __init__(self, job_id: int) -> None:
        super().__init__(f"There is no job {job_id}.", remedy="Choose one from the list of jobs.")


class UnknownKind(LoyaltyError):
    """There is no such kind of job."""

    code = "unknown_job_kind"

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"There is no kind of job called {kind[:60]!r}.", remedy=f"Choose one of these: {', '.join(KINDS)}."
        )
