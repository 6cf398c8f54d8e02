"""The process of one job: `python -m loyalty_core.work.run JOB_ID`. Its settings come from the environment."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from loyalty_core.jobs import UnknownKind
from loyalty_core.jobs.running import Work, run_job
from loyalty_core.ml.scoring.command import STATEMENT_SECONDS
from loyalty_core.services import Services
from loyalty_core.work.handlers import HANDLERS

if TYPE_CHECKING:
    from loyalty_core.jobs import Job
    from loyalty_core.jobs.report import Report
    from loyalty_core.settings import Settings


def main() -> int:
    """Run the job and record how it ended; returns the exit code."""
    return run_job(prepare)


def prepare(settings: Settings) -> Work:
    """The work of all kinds of jobs, on services whose statements may take as long as those of a scoring."""
    services = Services(settings.model_copy(update={"dwh_statement_timeout_seconds": STATEMENT_SECONDS}))

    def do(job: Job, report: Report) -> Any:
        handler = HANDLERS.get(job.kind)
        if handler is None:
            raise UnknownKind(job.kind)
        return handler(services, job.options, report)

    def close() -> None:
        services.warehouse.close()
        services.store.close()

    return Work(services.store, services.viewers.of_id, do, close)


if __name__ == "__main__":
    sys.exit(main())
