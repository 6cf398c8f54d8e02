"""The process of a job in tests: real in all but the work, which `options["do"]` names."""

import itertools
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loyalty_core.access import Action
from loyalty_core.accounts import Viewers
from loyalty_core.errors import DataError
from loyalty_core.jobs import watch
from loyalty_core.jobs.kinds import KINDS, Kind
from loyalty_core.jobs.report import Report
from loyalty_core.jobs.running import Work, run_job
from loyalty_core.settings import Settings
from loyalty_core.store import shared_store

GATE = "JOB_GATE"


def count(options: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Reports two phases, and a chart of three points."""
    report.phase("Counting", total=3)
    for number in range(1, 4):
        report.event({"epoch": number, "loss": 1 / number})
        report.progress(number)
    report.phase("Resting")
    report.message("Counted to 3.")
    return {"counted": 3, "options": dict(options)}


def wait(_options: Mapping[str, Any], report: Report) -> None:
    """Works until it is asked to stop, and reports its progress."""
    print("About to wait.", flush=True)
    report.phase("Waiting", total=1_000_000)
    for number in itertools.count():
        report.event({"number": number})
        report.progress(number)
        time.sleep(0.05)


def hang(_options: Mapping[str, Any], report: Report) -> None:
    """Never checks whether it should stop, so that it need not be given time to."""
    watch.GRACE_SECONDS = 0.5
    report.phase("Hanging")
    print("Hanging now.", flush=True)
    time.sleep(600)


def refuse(_options: Mapping[str, Any], _report: Report) -> None:
    raise DataError("The rows are odd.", "There are 3.", "Add one.")


def crash(_options: Mapping[str, Any], report: Report) -> None:
    report.event({"loss": float("nan")})


WORK = {work.__name__: work for work in (count, wait, hang, refuse, crash)}


def prepare(settings: Settings) -> Work:
    """The work of tests, which needs nothing of the product but its state store."""
    store = shared_store(settings.state_database_url)
    return Work(
        store,
        Viewers(store, settings).of_id,
        lambda job, report: WORK[job.options["do"]](job.options, report),
        store.close,
    )


if __name__ == "__main__":
    watch.HEARTBEAT_SECONDS = 0.2
    if gate := os.environ.get(GATE):
        Path(gate).read_bytes()  # a FIFO: waits until the test opens it
    KINDS["training"] = Kind("Training", Action.TRAIN, limit_seconds=1.8, exclusive=True)
    sys.exit(run_job(prepare))
