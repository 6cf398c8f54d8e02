"""Processes that end, hang or are orphaned: what the next reader of the queue finds, and how the process ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from loyalty_core.jobs import JobQueue
from loyalty_core.jobs.process import launch
from loyalty_core.store import StateStore
from loyalty_core.store.jobs import JobRecord
from tests.fixtures.jobs import (
    PATIENCE,
    WORKER,
    Start,
    freeze,
    is_gone,
    logs_in,
    on_sqlite,
    over,
    reached,
    rewind,
    running,
    see_off,
)
from tests.servers import PASSWORD
from tests.waiting import wait_until
from tests.workbench import ROOT, clean_environment

if TYPE_CHECKING:
    from loyalty_core.jobs import Job

pytestmark = pytest.mark.extended

PARENT = """
import sys, time
from loyalty_core.jobs import JobQueue
from loyalty_core.store import StateStore

print(JobQueue(StateStore(sys.argv[1]), module=sys.argv[2]).start("scoring", {"do": sys.argv[3]}, "ann").id, flush=True)
time.sleep(600)
"""


def orphan(queue: JobQueue, store: StateStore, do: str, tmp_path: Path) -> Job:
    """A job whose parent was killed at once."""
    arguments = [store.url.render_as_string(hide_password=False), WORKER, do]
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, *arguments],
        cwd=tmp_path,
        env=clean_environment() | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as parent:
        job_id = int(parent.stdout.readline())
        os.killpg(parent.pid, signal.SIGKILL)
    return queue.get(job_id)


def silent_for(store: StateStore, job: Job, seconds: float) -> None:
    """Make the last heartbeat of a job, whose process is frozen or gone, so many seconds old."""
    rewind(store, job, heartbeat_at=datetime.now(UTC) - timedelta(seconds=seconds))


def kill(process: psutil.Process) -> None:
    process.kill()
    wait_until(lambda: is_gone(process))


@on_sqlite
def test_killed_while_it_starts(queue: JobQueue, start: Start, monkeypatch: pytest.MonkeyPatch):
    def launch_and_kill(*arguments: Any) -> subprocess.Popen[bytes]:
        process = launch(*arguments)
        process.kill()
        return process

    with monkeypatch.context() as patched:
        patched.setattr("loyalty_core.jobs.queue.launch", launch_and_kill)
        job = start("count")
    job = over(queue, job)
    assert (job.state, job.phase, job.started_at) == ("failed", "Starting", None)
    assert job.error.what == "Scoring ended before it was finished."
    assert "signal 9" in job.error.why
    assert over(queue, start("count")).state == "done"


def test_killed_while_it_works(queue: JobQueue, start: Start, store: StateStore):
    job = reached(queue, start("wait"), "Waiting")
    kill(running(store, job))
    job = over(queue, job)
    assert (job.state, job.phase) == ("failed", "Waiting")
    assert "signal 9" in job.error.why
    assert job.error.remedy.startswith("Start it again.")
    assert job.log_tail.splitlines()[-1] == "About to wait."
    assert queue.events(job.id)


@on_sqlite
def test_killed_while_it_stops(queue: JobQueue, start: Start, store: StateStore):
    job = reached(queue, start("hang"), "Hanging")
    process = freeze(store, job)
    queue.cancel(job.id, "bob")
    kill(process)
    assert over(queue, job).state == "cancelled"


def test_cancelled_and_killed_at_the_same_time(queue: JobQueue, start: Start, store: StateStore, tmp_path: Path):
    job = reached(queue, start("wait"), "Waiting")
    process, ready = running(store, job), threading.Barrier(2)

    def cancel() -> None:
        ready.wait()
        queue.cancel(job.id, "bob")

    canceller = threading.Thread(target=cancel)
    canceller.start()
    ready.wait()
    kill(process)
    canceller.join()
    see_off()
    job = over(queue, job)
    if job.state == "failed":
        assert "signal 9" in job.error.why
    else:
        assert (job.state, job.error) == ("cancelled", None)
    assert not logs_in(tmp_path)
    assert queue.cancel(job.id, "bob") == job


@on_sqlite
@pytest.mark.parametrize("kind", ["scoring", "export"])
def test_cancelled_just_before_its_process_is_started(
    queue: JobQueue, start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
):
    def cancel_and_launch(module: str, job_id: int, *more: Any) -> subprocess.Popen[bytes]:
        queue.cancel(job_id, "bob")
        return launch(module, job_id, *more)

    with monkeypatch.context() as patched:
        patched.setattr("loyalty_core.jobs.queue.launch", cancel_and_launch)
        job = start("wait", kind)
    assert (job.state, job.error, job.started_at) == ("cancelled", None, None)
    assert not logs_in(tmp_path)


@on_sqlite
def test_killed_after_its_end_was_recorded(queue: JobQueue, start: Start, store: StateStore, tmp_path: Path):
    job = reached(queue, start("hang"), "Hanging")
    process = freeze(store, job)
    rewind(store, job, state="done", log_file=None, ended_at=job.started_at, exclusive_kind=None)
    kill(process)
    see_off()
    assert queue.get(job.id).state == "done"
    assert not logs_in(tmp_path)


def test_a_job_outlives_the_app_and_is_found_again(queue: JobQueue, store: StateStore, tmp_path: Path):
    job = reached(queue, orphan(queue, store, "wait", tmp_path), "Waiting")
    assert running(store, job).ppid() != os.getpid()
    wait_until(lambda: queue.running("scoring").done > job.done)
    queue.cancel(job.id, "bob")
    assert over(queue, job).state == "cancelled"


def test_an_orphan_that_is_killed_is_closed_by_the_next_reader(queue: JobQueue, store: StateStore, tmp_path: Path):
    job = reached(queue, orphan(queue, store, "hang", tmp_path), "Hanging")
    kill(running(store, job))
    silent_for(store, job, PATIENCE.stale + 1)
    job = queue.get(job.id)
    assert (job.state, job.phase) == ("failed", "Hanging")
    assert job.error.why == "It was killed, it ran out of memory, or the machine was restarted."
    assert job.log_tail.splitlines()[-1] == "Hanging now."
    assert queue.running("scoring") is None


@on_sqlite
def test_an_orphan_that_is_killed_while_it_starts(queue: JobQueue, store: StateStore, tmp_path: Path):
    job = orphan(queue, store, "wait", tmp_path)
    kill(running(store, job))
    assert queue.get(job.id).is_under_way
    silent_for(store, job, PATIENCE.stale + 1)
    assert queue.get(job.id).state == "failed"


@on_sqlite
def test_a_silent_job_whose_process_is_alive_continues(queue: JobQueue, start: Start, store: StateStore):
    job = reached(queue, start("wait"), "Waiting")
    process = freeze(store, job)
    done = queue.get(job.id).done
    silent_for(store, job, PATIENCE.stale + 1)
    assert queue.get(job.id).state == "running"
    process.resume()
    wait_until(lambda: queue.get(job.id).done > done)


@on_sqlite
@pytest.mark.parametrize("reason", ["cancelled", "overdue"])
def test_a_job_that_hangs_forever_is_killed_by_the_next_reader(
    queue: JobQueue, start: Start, store: StateStore, reason: str
):
    job = reached(queue, start("wait"), "Waiting")
    process = freeze(store, job)
    long_ago = job.started_at - timedelta(days=1)
    if reason == "cancelled":
        queue.cancel(job.id, "bob")
        rewind(store, job, cancel_requested_at=long_ago)
    else:
        rewind(store, job, started_at=long_ago)
    assert queue.get(job.id).state == "running"
    silent_for(store, job, PATIENCE.stale + 1)
    job = queue.get(job.id)
    assert job.state == {"cancelled": "cancelled", "overdue": "failed"}[reason]
    wait_until(lambda: is_gone(process))


def test_a_job_of_a_machine_that_is_gone(queue: JobQueue, start: Start, store: StateStore):
    job = reached(queue, start("wait"), "Waiting")
    process = freeze(store, job)
    rewind(store, job, host="elsewhere")
    silent_for(store, job, PATIENCE.stale + 1)
    assert queue.get(job.id).state == "running"
    silent_for(store, job, PATIENCE.abandoned + 1)
    job = queue.get(job.id)
    assert (job.state, job.log_tail.splitlines()[-1]) == ("failed", "About to wait.")
    assert job.error.why.startswith("There has been no sign of life from elsewhere for ")
    # The machine was not gone after all: its process sees that the job has been given up.
    process.resume()
    wait_until(lambda: is_gone(process))
    assert queue.get(job.id).ended_at == job.ended_at


@on_sqlite
def test_a_job_whose_record_was_deleted_ends_itself(start: Start, queue: JobQueue, store: StateStore):
    job = reached(queue, start("hang"), "Hanging")
    process = running(store, job)
    with store.session() as session:
        session.delete(session.get(JobRecord, job.id))
    wait_until(lambda: is_gone(process))
    assert queue.list() == []


@on_sqlite
def test_another_process_with_the_same_number(queue: JobQueue, start: Start, store: StateStore):
    job = reached(queue, start("wait"), "Waiting")
    kill(running(store, job))
    over(queue, job)
    now = job.created_at
    alive = {"pid": os.getpid(), "process_started": psutil.Process().create_time() - 3600}
    rewind(store, job, state="running", ended_at=None, heartbeat_at=now - timedelta(days=1), **alive)
    assert queue.get(job.id).state == "failed"


def test_an_app_that_ended_before_it_had_started_the_process(
    queue: JobQueue, store: StateStore, monkeypatch: pytest.MonkeyPatch
):
    def end_of_the_app(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr("loyalty_core.jobs.queue.launch", end_of_the_app)
    with pytest.raises(SystemExit):
        queue.start("scoring", {}, "ann")
    (job,) = queue.list()
    assert job.state == "queued"
    rewind(store, job, heartbeat_at=job.created_at - timedelta(seconds=PATIENCE.starting + 1))
    job = queue.get(job.id)
    assert (job.state, job.error.what) == ("failed", "Scoring did not start.")


@on_sqlite
def test_a_store_that_is_busy_for_a_while_costs_nothing(start: Start, queue: JobQueue, store: StateStore):
    waiting, counting = start("wait", "segments"), start("count")
    reached(queue, waiting, "Waiting")
    with store.session() as session:
        session.connection()
        wait_until(lambda: "No heartbeat: The state store" in Path(waiting.log_file).read_text())
    assert over(queue, counting).state == "done"
    done = queue.get(waiting.id).done
    wait_until(lambda: queue.get(waiting.id).done > done)


@on_sqlite
def test_a_job_that_cannot_read_its_settings(queue: JobQueue, store: StateStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TIME_ZONE", "Mars/Olympus")
    job = over(queue, queue.start("scoring", {"do": "count"}, "ann"))
    assert job.error.what == "Scoring could not run."
    assert "Setting TIME_ZONE has the value 'Mars/Olympus'" in job.log_tail


def test_no_secret_is_on_the_command_line(postgres_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with StateStore(postgres_database) as store:
        store.migrate()
        queue = JobQueue(store, module=WORKER)
        job = reached(queue, queue.start("scoring", {"do": "wait"}, "ann"), "Waiting")
        process = running(store, job)
        command_line = " ".join(process.cmdline())
        assert command_line.endswith(f"-m {WORKER} {job.id}")
        assert process.environ()["STATE_DATABASE_URL"] == store.url.render_as_string(hide_password=False)
        # Of this job alone: other tests start processes of their own beside it.
        processes = ",".join(str(one.pid) for one in (process, *process.children(recursive=True)))
        listing = ["ps", "-ww", "-o", "args", "-p", processes]
        listed = subprocess.run(listing, capture_output=True, text=True, check=True).stdout
        assert command_line in listed
        for secret in (PASSWORD, store.url.render_as_string(hide_password=False).split("@")[0].rsplit(":", 1)[1]):
            assert secret not in listed
        log = Path(job.log_file)
        assert log.stat().st_mode & 0o777 == 0o600
        queue.cancel(job.id, "ann")
        assert PASSWORD not in over(queue, job).log_tail
        see_off()
