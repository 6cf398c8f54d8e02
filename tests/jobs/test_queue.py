"""Jobs from start to end, as readers of the queue see them."""

from __future__ import annotations

import os
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from loyalty_core.jobs import KINDS, JobError, JobNotFound, JobQueue, JobRunning, UnknownKind, priority
from loyalty_core.store import audit
from loyalty_core.store.jobs import JobEventRecord, JobRecord
from tests.fixtures.jobs import WORKER, Start, is_gone, logs_in, on_sqlite, over, reached, rewind, running
from tests.jobs.worker import GATE
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.store import StateStore

pytestmark = pytest.mark.extended


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets the jobs of a test begin, which have a process until then, and do nothing."""
    fifo = tmp_path / "gate"
    os.mkfifo(fifo)
    monkeypatch.setenv(GATE, str(fifo))
    return lambda: fifo.write_bytes(b"")


def add_ended(store: StateStore, days_ago: int) -> int:
    """A job that is done and has reported three events, by its id."""
    ended = datetime.now(UTC) - timedelta(days=days_ago)
    record = JobRecord(
        kind="scoring", options={}, state="done", phase="", done=0, message="", started_by="ann", created_at=ended,
        started_at=ended, ended_at=ended, heartbeat_at=ended, log_tail="",
    )  # fmt: skip
    with store.session() as session:
        session.add(record)
        session.flush()
        session.add_all(JobEventRecord(job_id=record.id, number=number, at=ended, data={}) for number in (1, 2, 3))
        return record.id


def test_a_job_reports_its_progress_and_ends_with_its_result(queue: JobQueue, start: Start, gate: Callable[[], None]):
    begun = start("count", actor="ann")
    assert (begun.kind, begun.is_under_way, begun.started_by) == ("scoring", True, "ann")
    assert begun.log_file is not None
    gate()
    job = over(queue, begun)
    assert (job.state, job.phase, job.done, job.total, job.message) == ("done", "Resting", 0, None, "Counted to 3.")
    assert job.result == {"counted": 3, "options": {"do": "count"}}
    assert job.error is None
    assert job.created_at <= job.started_at <= job.ended_at
    assert job.seconds == (job.ended_at - job.started_at).total_seconds()
    assert f"Job {job.id}: done." in job.log_tail
    assert job.log_file is None
    wait_until(lambda: not Path(begun.log_file).exists())
    assert abs(datetime.now(UTC) - job.ended_at) < timedelta(minutes=2)
    assert queue.cancel(job.id, "bob") == job
    events = queue.events(job.id)
    assert [event.number for event in events] == [1, 2, 3]
    assert [event.data["loss"] for event in events] == [1, 1 / 2, 1 / 3]
    assert [event.data["epoch"] for event in queue.events(job.id, after=1)] == [2, 3]
    assert queue.events(job.id, after=3) == []


@on_sqlite
def test_progress_grows_while_it_runs(queue: JobQueue, start: Start):
    begun = start("wait")
    job = reached(queue, begun, "Waiting")
    assert job.state == "running"
    assert job.total == 1_000_000
    wait_until(lambda: queue.get(job.id).done > job.done)
    assert queue.get(job.id).seconds > job.seconds
    seen = [event.data["number"] for event in queue.events(job.id)]
    wait_until(lambda: len(queue.events(job.id)) > len(seen))
    numbers = [event.data["number"] for event in queue.events(job.id)]
    assert numbers == list(range(len(numbers)))


def test_a_cancelled_job_stops_by_itself(queue: JobQueue, start: Start, store: StateStore):
    job = reached(queue, start("wait"), "Waiting")
    asked = queue.cancel(job.id, "bob")
    assert asked.is_stopping or asked.state == "cancelled"
    job = over(queue, job)
    assert (job.state, job.error, job.is_stopping) == ("cancelled", None, False)
    assert f"Job {job.id}: cancelled." in job.log_tail
    with store.session(read_only=True) as session:
        trail = audit.recent(session, subject_kind="job", subject_id=str(job.id))
    assert [(event.actor, event.action) for event in trail] == [("bob", "cancelled"), ("ann", "started")]


@on_sqlite
def test_a_clock_that_is_set_back_makes_no_negative_time(queue: JobQueue, start: Start, store: StateStore):
    job = over(queue, start("count"))
    rewind(store, job, started_at=job.ended_at + timedelta(hours=1))
    assert queue.get(job.id).seconds == 0


@on_sqlite
def test_a_job_that_does_not_listen_is_killed(queue: JobQueue, start: Start, store: StateStore, tmp_path: Path):
    job = reached(queue, start("hang"), "Hanging")
    process = running(store, job)
    queue.cancel(job.id, "bob")
    job = over(queue, job)
    assert job.state == "cancelled"
    assert "did not stop when asked to" in job.log_tail
    wait_until(lambda: is_gone(process))
    wait_until(lambda: not logs_in(tmp_path))


def test_a_job_cancelled_before_it_ran_does_nothing(
    queue: JobQueue, start: Start, store: StateStore, gate: Callable[[], None]
):
    job = start("count")
    process = running(store, job)
    assert queue.cancel(job.id, "bob").state == "cancelled"
    gate()
    wait_until(lambda: is_gone(process))
    job = queue.get(job.id)
    assert (job.state, job.started_at, job.result) == ("cancelled", None, None)


@on_sqlite
def test_a_failure_is_stored_with_its_reason_and_its_remedy(queue: JobQueue, start: Start):
    job = over(queue, start("refuse"))
    assert job.state == "failed"
    assert job.error == JobError("The rows are odd.", "There are 3.", "Add one.", "bad_data")
    assert "The rows are odd. There are 3. Add one." in job.log_tail
    assert not job.is_dismissed
    queue.dismiss(job.id)
    assert queue.get(job.id).is_dismissed


@on_sqlite
def test_an_unforeseen_failure_is_logged_with_its_traceback(queue: JobQueue, start: Start):
    job = over(queue, start("crash"))
    assert job.state == "failed"
    assert "unexpected error" in job.error.what
    assert "tests/jobs/worker.py" in job.log_tail
    assert job.log_tail.splitlines()[-1].endswith(f"Job {job.id}: failed.")


def test_one_job_of_an_exclusive_kind_at_a_time(queue: JobQueue, start: Start):
    job = start("wait", actor="ann")
    with pytest.raises(JobRunning) as refusal:
        start("count", actor="bob")
    assert refusal.value.job.id == job.id
    assert refusal.value.why == f"ann started it on {job.created_at:%Y-%m-%d at %H:%M} UTC."
    reached(queue, job, "Waiting")
    with pytest.raises(JobRunning):
        start("count", actor="bob")
    queue.cancel(job.id, "bob")
    over(queue, job)
    assert over(queue, start("count", actor="bob")).state == "done"


def test_of_many_concurrent_starts_one_succeeds(queue: JobQueue, start: Start):
    together, answers = threading.Barrier(4), []

    def ask(actor: str) -> None:
        together.wait()
        try:
            answers.append(start("wait", actor=actor).started_by)
        except JobRunning as error:
            answers.append(error.job.started_by)

    threads = [threading.Thread(target=ask, args=(f"user {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert len(set(answers)) == 1
    (job,) = queue.list()
    assert job.started_by == answers[0]
    queue.cancel(job.id, "ann")
    over(queue, job)


@on_sqlite
def test_other_kinds_run_side_by_side(queue: JobQueue, start: Start):
    scoring, first, second = start("wait"), start("wait", "segments"), start("wait", "segments")
    assert queue.running("scoring").id == scoring.id
    assert queue.running("segments").id == second.id
    assert queue.running("training") is None
    assert [job.id for job in queue.list()] == [second.id, first.id, scoring.id]
    assert [job.id for job in queue.list(limit=1)] == [second.id]
    for job in (scoring, first, second):
        queue.cancel(job.id, "ann")
    for job in (scoring, first, second):
        over(queue, job)
    assert queue.running("segments") is None
    assert queue.latest("segments").id == second.id
    assert queue.latest("training") is None


@on_sqlite
def test_a_job_that_takes_too_long_is_stopped(queue: JobQueue, start: Start):
    job = over(queue, start("wait", "training"))
    assert job.state == "failed"
    assert job.error.what == "Training took longer than 0.0005 hours and was stopped."
    assert job.total == 1_000_000


def test_unknown_kinds_and_jobs_are_refused(queue: JobQueue):
    with pytest.raises(UnknownKind, match=rf"'bread'\. Choose one of these: {', '.join(KINDS)}"):
        queue.start("bread", {}, "ann")
    for ask in (queue.get, queue.dismiss, lambda job_id: queue.cancel(job_id, "ann")):
        with pytest.raises(JobNotFound, match="no job 99"):
            ask(99)
    assert queue.list() == []


@on_sqlite
def test_a_process_that_cannot_be_started(store: StateStore, queue: JobQueue, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    job = JobQueue(store, module=WORKER).start("scoring", {}, "ann")
    assert (job.state, job.error.what) == ("failed", "Scoring could not be started.")
    assert queue.running("scoring") is None


@on_sqlite
@pytest.mark.parametrize("kind", ["scoring", "export"])
def test_a_log_that_cannot_be_written(queue: JobQueue, kind: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    job = queue.start(kind, {}, "ann")
    assert (job.state, job.error.remedy) == ("failed", "Try again when the machine is less busy.")
    assert "No such file or directory" in job.error.why
    assert queue.list() == [job]


def test_old_jobs_are_deleted_with_their_events(
    queue: JobQueue, start: Start, store: StateStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("loyalty_core.jobs.records.MAX_RECENT", 2)
    oldest, recent, *old = (add_ended(store, days_ago) for days_ago in (91, 0, 91, 91))
    newest = start("count")
    assert [job.id for job in queue.list()] == [newest.id, *reversed(old), recent]
    assert queue.events(oldest) == []
    assert len(queue.events(recent)) == 3
    over(queue, newest)


@on_sqlite
def test_a_job_runs_at_low_priority(queue: JobQueue, start: Start, store: StateStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JOBS_NICENESS", "7")
    job = reached(queue, start("wait"), "Waiting")
    process = running(store, job)
    assert process.nice() == min(psutil.Process().nice() + 7, 19)
    assert process.environ()["TF_NUM_INTRAOP_THREADS"] == str(max(1, os.cpu_count() - 1))


def test_the_whole_session_of_a_job_runs_at_low_priority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    session = tmp_path / "autogroup"
    monkeypatch.setattr(priority, "AUTOGROUP", session)
    priority.yield_to_others(0)
    assert session.read_text() == "0"
    assert psutil.Process().nice() == os.nice(0)


@pytest.mark.parametrize(("cores", "threads"), [(1, "1"), (2, "1"), (8, "7"), (None, "1")])
def test_one_core_stays_for_the_app(monkeypatch: pytest.MonkeyPatch, cores: int | None, threads: str):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    limits = priority.thread_limits()
    assert (limits["TF_NUM_INTRAOP_THREADS"], limits["OMP_NUM_THREADS"]) == (threads, "3")
