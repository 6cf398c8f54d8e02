"""Trainings on the demo warehouse, through the queue and in processes of their own, for the tests of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

from loyalty_core.store.jobs import JobRecord
from tests.fixtures.jobs import over
from tests.waiting import wait_until

if TYPE_CHECKING:
    from loyalty_core.jobs import Job, JobQueue
    from loyalty_core.services import Services

TINY = {"epochs": 3, "architecture": [4], "members": 1, "teacher": "none"}
QUICK = {**TINY, "models": ["churn", "nbo"], "trained_by": "ann"}
LONG = {**QUICK, "models": ["churn"], "epochs": 10_000, "patience": 10_000}
# Ten times what a training takes where nothing else runs.
TRAINING_SECONDS = 600.0


def process_of(services: Services, job: Job) -> psutil.Process:
    with services.store.session(read_only=True) as session:
        return psutil.Process(session.get(JobRecord, job.id).pid)


def ended(queue: JobQueue, job: Job) -> Job:
    """The training once it has ended, however it did."""
    return over(queue, job, TRAINING_SECONDS)


def in_training(services: Services) -> Job:
    """A long training that has reported an epoch."""
    job = services.jobs.start("training", LONG, "ann")
    wait_until(lambda: services.jobs.events(job.id) or not services.jobs.get(job.id).is_under_way, TRAINING_SECONDS)
    return services.jobs.get(job.id)
