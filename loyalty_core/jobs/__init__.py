"""Long work in separate processes, which are followed and stopped through the state store."""

from loyalty_core.jobs.errors import JobNotFound, JobRunning, UnknownKind
from loyalty_core.jobs.job import Job, JobError, JobEvent, JobState
from loyalty_core.jobs.kinds import KINDS
from loyalty_core.jobs.process import remove_abandoned_logs
from loyalty_core.jobs.queue import JobQueue
from loyalty_core.jobs.restricted import RESTRICTION, RestrictedJobs

__all__ = [
    "KINDS",
    "RESTRICTION",
    "Job",
    "JobError",
    "JobEvent",
    "JobNotFound",
    "JobQueue",
    "JobRunning",
    "JobState",
    "RestrictedJobs",
    "UnknownKind",
    "remove_abandoned_logs",
]
