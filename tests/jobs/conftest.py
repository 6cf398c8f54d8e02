"""Queues of jobs on both databases."""

from __future__ import annotations

import tempfile
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

import psutil
import pytest

from loyalty_core.jobs import Job, JobQueue
from loyalty_core.jobs.reaper import Patience
from loyalty_core.settings import Settings
from loyalty_core.store.jobs import JobRecord
from tests.store.conftest import store, store_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from loyalty_core.store import StateStore

__all__ = ["store", "store_url"]

# Where the database makes no difference.
on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)

WORKER = "tests.jobs.worker"
PATIENCE_SECONDS = 60.0
IMPATIENT = Patience(stale=2.5, abandoned=5.0, starting=4.0)


def wait_until(ready: Callable[[], Any]) -> Any:
    """What `ready()` gives once that is true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (answer := ready()):
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)
    return answer


class Start(Protocol):
    """Starts the work of that name."""

    def __call__(self, do: str, kind: str = "scoring", actor: str = "ann") -> Job: ...


@pytest.fixture
def queue(store: StateStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobQueue]:
    """A queue whose jobs do the work of tests; what still runs afterwards is ended."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("JOBS_NICENESS", "0")  # tests wait for jobs
    queue = JobQueue(store, module=WORKER, patience=IMPATIENT)
    yield queue
    for job in queue.list():
        if process := process_of(store, job):
            process.kill()
    see_off()


@pytest.fixture
def start(queue: JobQueue) -> Start:
    return lambda do, kind="scoring", actor="ann": queue.start(kind, {"do": do}, actor)


def see_off() -> None:
    """Wait for the processes of jobs that were started here, and for what is kept of their ends."""
    for thread in threading.enumerate():
        if thread.name.startswith("job-"):
            thread.join(PATIENCE_SECONDS)


def process_of(store: StateStore, job: Job) -> psutil.Process | None:
    """The job's process, None where it is gone."""
    with store.session(read_only=True) as session:
        record = session.get(JobRecord, job.id)
        assert record is not None
        try:
            process = psutil.Process(record.pid) if record.pid else None
            # By another process that got the same number, the test would kill a stranger.
            return process if process and f"{WORKER} {job.id}" in " ".join(process.cmdline()) else None
        except psutil.Error:
            return None


def running(store: StateStore, job: Job) -> psutil.Process:
    process = process_of(store, job)
    assert process is not None, "the job has no process"
    return process


def rewind(store: StateStore, job: Job, **values: Any) -> None:
    """Change the job's record by hand."""
    with store.session() as session:
        record = session.get(JobRecord, job.id)
        for name, value in values.items():
            setattr(record, name, value)


def over(queue: JobQueue, job: Job) -> Job:
    """The job once it has ended."""
    wait_until(lambda: not queue.get(job.id).is_under_way)
    return queue.get(job.id)


def reached(queue: JobQueue, job: Job, phase: str) -> Job:
    """The job once it is in this phase."""
    wait_until(lambda: queue.get(job.id).phase == phase)
    return queue.get(job.id)
