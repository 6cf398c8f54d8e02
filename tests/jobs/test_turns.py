"""Kinds of which only so many jobs run at a time: the others wait without a process."""

from datetime import timedelta

import pytest

from loyalty_core.jobs import JobQueue
from loyalty_core.store import StateStore
from tests.fixtures.jobs import (
    PATIENCE,
    WORKER,
    Start,
    on_sqlite,
    over,
    process_of,
    reached,
    rewind,
    running,
    wait_until,
)

pytestmark = pytest.mark.extended

LIMIT = 2
WAITING = ("queued", "Waiting for its turn")


def test_jobs_beyond_the_limit_wait_for_their_turn(queue: JobQueue, start: Start, store: StateStore) -> None:
    jobs = [start("wait", "export") for _ in range(LIMIT + 2)]
    for job in jobs[:LIMIT]:
        reached(queue, job, "Waiting")
    third, fourth = jobs[LIMIT:]
    assert [(queue.get(job.id).state, queue.get(job.id).phase) for job in (third, fourth)] == [WAITING] * 2
    assert process_of(store, third) is None
    queue.cancel(jobs[0].id, "ann")
    assert over(queue, jobs[0]).state == "cancelled"
    reached(queue, third, "Waiting")
    assert (queue.get(fourth.id).state, queue.get(fourth.id).phase) == WAITING
    assert queue.cancel(fourth.id, "ann").state == "cancelled"
    assert process_of(store, fourth) is None


@on_sqlite
def test_other_kinds_do_not_wait(queue: JobQueue, start: Start) -> None:
    for _ in range(LIMIT):
        start("wait", "export")
    assert over(queue, start("count")).state == "done"


@on_sqlite
def test_a_waiting_job_is_started_by_whoever_looks(queue: JobQueue, start: Start, store: StateStore) -> None:
    """The process that added it may be gone, however long ago."""
    first, second, third = (start("wait", "export") for _ in range(LIMIT + 1))
    rewind(store, third, heartbeat_at=queue.get(third.id).created_at - timedelta(days=1))
    for job in (first, second):
        reached(queue, job, "Waiting")
        running(store, job).kill()
    other = JobQueue(store, module=WORKER, patience=PATIENCE)
    wait_until(lambda: other.get(third.id).phase == "Waiting")
    assert {over(queue, job).state for job in (first, second)} == {"failed"}
