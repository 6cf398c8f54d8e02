"""What can go wrong with jobs, in words a person can act on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.errors import LoyaltyError
from loyalty_core.jobs.kinds import KINDS

if TYPE_CHECKING:
    from loyalty_core.jobs.job import Job


class JobRunning(LoyaltyError):
    """A job of the kind is under way, and the kind allows one at a time; `job` is the one that runs."""

    code = "job_running"

    def __init__(self, job: Job) -> None:
        super().__init__(
            f"{KINDS[job.kind].title} is under way already.",
            f"{job.started_by} started it on {job.created_at:%Y-%m-%d at %H:%M} UTC.",
            "Wait until it has ended, or cancel it.",
        )
        self.job = job


class JobNotFound(LoyaltyError):
    """There is no such job."""

    code = "job_not_found"

    def __init__(self, job_id: int) -> None:
        super().__init__(f"There is no job {job_id}.", remedy="Choose one from the list of jobs.")


class UnknownKind(LoyaltyError):
    """No job of that kind can be run."""

    code = "unknown_job_kind"

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"There are no jobs of the kind {kind[:60]!r}.", remedy=f"Choose one of these: {', '.join(KINDS)}."
        )
