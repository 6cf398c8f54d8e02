"""What the process of a job does around its work: claims the job, watches it, and records how it ended."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from dataclasses import dataclass, replace
from threading import Timer
from typing import TYPE_CHECKING, Any

from loyalty_core.access import process_acts_as, require
from loyalty_core.errors import LoyaltyError
from loyalty_core.jobs import records
from loyalty_core.jobs.job import JobError, Outcome
from loyalty_core.jobs.kinds import KINDS
from loyalty_core.jobs.priority import most_memory, yield_to_others
from loyalty_core.jobs.process import identify
from loyalty_core.jobs.report import JobStopped, Report, as_json
from loyalty_core.jobs.watch import GRACE_SECONDS, Watch, end_this_process, retry
from loyalty_core.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loyalty_core.access import Viewer
    from loyalty_core.jobs.job import Job
    from loyalty_core.settings import Settings
    from loyalty_core.store import StateStore

_log = logging.getLogger("loyalty_core.jobs")

_UNEXPECTED = JobError(
    "The job stopped with an unexpected error.",
    "The last lines of its log show where.",
    "Start it again. If it fails the same way, send these lines to your administrator.",
)


@dataclass(frozen=True)
class Work:
    """What jobs do in this process: `do` returns a JSON value; `viewer_of` finds who started a job by their id."""

    store: StateStore
    viewer_of: Callable[[str], Viewer]
    do: Callable[[Job, Report], Any]
    close: Callable[[], None]


def run_job(prepare: Callable[[Settings], Work], arguments: Sequence[str] | None = None) -> int:
    """Run the job whose number is the one argument, and record how it ended; returns the exit code of the process.

    The exit code is 0 when the state store has recorded how the job ended, whether or not it succeeded.
    """
    parser = argparse.ArgumentParser(prog="python -m loyalty_core.work.run", description="Run one background job.")
    parser.add_argument("job_id", type=int, help="number of a job that was started by the app")
    job_id = parser.parse_args(arguments).job_id
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    try:
        settings = get_settings()
        yield_to_others(settings.jobs_niceness)
        _run(job_id, prepare(settings))
    except LoyaltyError as error:
        print(f"The job did not run: {error}", file=sys.stderr)  # noqa: T201 -- its log, or a terminal
        return 1
    return 0


def _run(job_id: int, work: Work) -> None:
    job = retry(lambda: records.claim(work.store, job_id, identify(os.getpid())))
    if job is None:
        _log.info("Job %d is not waiting to be run.", job_id)
        return
    _log.info("Job %d: %s, started by %s.", job.id, job.kind, job.started_by)
    report = Report()
    watch = Watch(work.store, job, report)
    with watch:
        outcome = _do(work, job, report)
    outcome = outcome or watch.verdict or Outcome("cancelled")
    _log.info("Peak memory: %d MB.", most_memory() // 1_000_000)
    _log.info("Job %d: %s.", job.id, outcome.state)
    watch.finish(outcome)
    # A thread of a stopped job may still be waiting for its statement: end the process without it.
    last = Timer(GRACE_SECONDS, end_this_process)
    last.daemon = True
    last.start()
    work.close()


def _do(work: Work, job: Job, report: Report) -> Outcome | None:
    """How the work ended; None when it was stopped."""
    try:
        # With the roles of now: they may have been withdrawn while the job waited.
        viewer = retry(lambda: work.viewer_of(job.started_by))
        with process_acts_as(replace(viewer, place=f"job {job.id}")):
            require(KINDS[job.kind].action)
            return Outcome("done", result=as_json(work.do(job, report)))
    except JobStopped:
        return None
    except LoyaltyError as error:
        _log.error("%s", error)
        return Outcome("failed", JobError.of(error))
    except Exception:  # noqa: BLE001 -- whatever it is, the job has ended, and the screens must say so
        _log.exception("Job %d stopped with an unexpected error.", job.id)
        return Outcome("failed", _UNEXPECTED)
