"""The process of one job: `python -m loyalty_core.work.run JOB_ID`. Its settings come from the environment.

The exit code is 0 when the state store has recorded how the job ended, whether or not it succeeded.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from dataclasses import replace
from threading import Timer
from typing import TYPE_CHECKING

from loyalty_core.access import process_acts_as, require
from loyalty_core.errors import LoyaltyError
from loyalty_core.jobs import records
from loyalty_core.jobs.errors import UnknownKind
from loyalty_core.jobs.job import JobError, Outcome
from loyalty_core.jobs.kinds import KINDS
from loyalty_core.jobs.priority import most_memory, yield_to_others
from loyalty_core.jobs.process import identify
from loyalty_core.jobs.report import JobStopped, Report, as_json
from loyalty_core.jobs.watch import GRACE_SECONDS, Watch, end_this_process, retry
from loyalty_core.ml.scoring.command import STATEMENT_SECONDS
from loyalty_core.services import Services
from loyalty_core.settings import get_settings
from loyalty_core.work.handlers import HANDLERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loyalty_core.jobs.job import Job
    from loyalty_core.work.handlers import Handler

_log = logging.getLogger("loyalty_core.jobs")

_UNEXPECTED = JobError(
    "The job stopped with an unexpected error.",
    "The last lines of its log show where.",
    "Start it again. If it fails the same way, send these lines to your administrator.",
)


def main(arguments: Sequence[str] | None = None, handlers: Mapping[str, Handler] = HANDLERS) -> int:
    """Run the job and record how it ended."""
    parser = argparse.ArgumentParser(prog="python -m loyalty_core.work.run", description="Run one background job.")
    parser.add_argument("job_id", type=int, help="number of a job that was started by the app")
    job_id = parser.parse_args(arguments).job_id
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    try:
        _run(job_id, handlers)
    except LoyaltyError as error:
        print(f"The job did not run: {error}", file=sys.stderr)  # noqa: T201 -- its log, or a terminal
        return 1
    return 0


def _run(job_id: int, handlers: Mapping[str, Handler]) -> None:
    settings = get_settings()
    yield_to_others(settings.jobs_niceness)
    services = Services(settings.model_copy(update={"dwh_statement_timeout_seconds": STATEMENT_SECONDS}))
    job = retry(lambda: records.claim(services.store, job_id, identify(os.getpid())))
    if job is None:
        _log.info("Job %d is not waiting to be run.", job_id)
        return
    _log.info("Job %d: %s, started by %s.", job.id, job.kind, job.started_by)
    report = Report()
    watch = Watch(services.store, job, report)
    with watch:
        outcome = _work(handlers, services, job, report)
    outcome = outcome or watch.verdict or Outcome("cancelled")
    _log.info("Peak memory: %d MB.", most_memory() // 1_000_000)
    _log.info("Job %d: %s.", job.id, outcome.state)
    watch.finish(outcome)
    # A thread of a stopped job may still be waiting for its statement: end the process without it.
    last = Timer(GRACE_SECONDS, end_this_process)
    last.daemon = True
    last.start()
    services.warehouse.close()
    services.store.close()


def _work(handlers: Mapping[str, Handler], services: Services, job: Job, report: Report) -> Outcome | None:
    """How the handler ended; None when it was stopped."""
    try:
        handler = handlers.get(job.kind)
        if handler is None:
            raise UnknownKind(job.kind)
        # With the roles of now: they may have been withdrawn while the job waited.
        viewer = retry(lambda: services.viewers.of_id(job.started_by))
        with process_acts_as(replace(viewer, place=f"job {job.id}")):
            require(KINDS[job.kind].action)
            return Outcome("done", result=as_json(handler(services, job.options, report)))
    except JobStopped:
        return None
    except LoyaltyError as error:
        _log.error("%s", error)
        return Outcome("failed", JobError.of(error))
    except Exception:  # noqa: BLE001 -- whatever it is, the job has ended, and the screens must say so
        _log.exception("Job %d stopped with an unexpected error.", job.id)
        return Outcome("failed", _UNEXPECTED)


if __name__ == "__main__":
    sys.exit(main())
