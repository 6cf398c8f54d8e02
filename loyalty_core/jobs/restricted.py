"""The queue as viewers see it who may not see every customer or every value."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_

from loyalty_core.jobs.queue import JobQueue
from loyalty_core.store.jobs import JobRecord

if TYPE_CHECKING:
    import builtins
    from collections.abc import Mapping

    from sqlalchemy.sql import ColumnElement

    from loyalty_core.jobs.job import Job, JobEvent
    from loyalty_core.store import StateStore

# The option of an export that says under which restriction it is written; missing where everything may be seen.
RESTRICTION = "restriction"
_EXPORT = "export"
# Its result is about models; those of other kinds count customers of the whole base.
_TRAINING = "training"


class RestrictedJobs(JobQueue):
    """Exports are those of viewers with the same restriction; other jobs may hide what they counted."""

    def __init__(self, store: StateStore, restriction: str, *, hides_counts: bool) -> None:
        """`restriction` identifies what the viewer may see; `hides_counts`: not what was counted for everybody."""
        super().__init__(store)
        self._restriction = restriction
        self._hides_counts = hides_counts

    def start(self, kind: str, options: Mapping[str, Any], actor: str) -> Job:
        """Start a job; an export records what its viewer may see."""
        own = {RESTRICTION: self._restriction} if kind == _EXPORT else {}
        return super().start(kind, {**options, **own}, actor)

    def cancel(self, job_id: int, actor: str) -> Job:
        """Ask a job to stop; raises `JobNotFound` for one that the viewer does not see."""
        self.get(job_id)
        return super().cancel(job_id, actor)

    def dismiss(self, job_id: int) -> None:
        """Mark a failure as seen; raises `JobNotFound` as `cancel` does."""
        self.get(job_id)
        super().dismiss(job_id)

    def events(self, job_id: int, after: int = 0) -> builtins.list[JobEvent]:
        """The events that the job reported; raises `JobNotFound` as `cancel` does."""
        self.get(job_id)
        return super().events(job_id, after)

    def _find(self, limit: int, *conditions: ColumnElement[bool]) -> builtins.list[Job]:
        own = JobRecord.options[RESTRICTION].as_string() == self._restriction
        found = super()._find(limit, *conditions, or_(JobRecord.kind != _EXPORT, own))
        return [self._without_counts(job) for job in found]

    def _without_counts(self, job: Job) -> Job:
        if not self._hides_counts or job.kind == _EXPORT:
            return job
        result = job.result if job.kind == _TRAINING else None
        return replace(job, done=0, total=None, message="", log_tail="", result=result)
