"""Trainings on the demo warehouse, through the queue and in processes of their own, for the tests of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from loyalty_core.services import Services, get_services
from loyalty_core.store.jobs import JobRecord
from tests.jobs.conftest import see_off, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loyalty_core.jobs import Job
    from tests.workbench import Configure

QUICK = {"epochs": 3, "architecture": [4], "members": 1, "trained_by": "ann"}
LONG = {**QUICK, "models": ["churn"], "epochs": 5_000, "patience": 5_000}


@pytest.fixture
def services(trained: str, demo_settings: Configure, store_url: str) -> Iterator[Services]:
    """The product on the demo, with tiny models active."""
    demo_settings(state_database_url=store_url)
    services = get_services()
    services.prepare_store()
    yield services
    if job := services.jobs.running("training"):
        services.jobs.cancel(job.id, "test")
    see_off()


def process_of(services: Services, job: Job) -> psutil.Process:
    with services.store.session(read_only=True) as session:
        return psutil.Process(session.get(JobRecord, job.id).pid)


def in_training(services: Services) -> Job:
    """A long training that has told of an epoch."""
    job = services.jobs.start("training", LONG, "ann")
    wait_until(lambda: services.jobs.events(job.id) or not services.jobs.get(job.id).is_under_way)
    return services.jobs.get(job.id)
