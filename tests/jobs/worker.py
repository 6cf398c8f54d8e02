"""The process of a job in tests: real in all but the work, which `options["do"]` names."""

import itertools
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loyalty_core.access import Action
from loyalty_core.errors import DataError
from loyalty_core.jobs import watch
from loyalty_core.jobs.kinds import KINDS, Kind
from loyalty_core.jobs.report import Report
from loyalty_core.services import Services
from loyalty_core.work.run import main

GATE = "JOB_GATE"
WITHOUT_A_HANDLER = "comparison"


def count(_services: Services, options: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Reports two phases, and a chart of three points."""
    report.phase("Counting", total=3)
    for number in range(1, 4):
        report.event({"epoch": number, "loss": 1 / number})
        report.progress(number)
    report.phase("Resting")
    report.message("Counted to 3.")
    return {"counted": 3, "options": dict(options)}


def wait(_services: Services, _options: Mapping[str, Any], report: Report) -> None:
    """Works until it is asked to stop, and reports its progress."""
    print("About to wait.", flush=True)
    report.phase("Waiting", total=1_000_000)
    for number in itertools.count():
        report.event({"number": number})
        report.progress(number)
        time.sleep(0.05)


def hang(_services: Services, _options: Mapping[str, Any], report: Report) -> None:
    """Never checks whether it should stop, so that it need not be given time to."""
    watch.GRACE_SECONDS = 0.5
    report.phase("Hanging")
    print("Hanging now.", flush=True)
    time.sleep(600)


def refuse(_services: Services, _options: Mapping[str, Any], _report: Report) -> None:
    raise DataError("The rows are odd.", "There are 3.", "Add one.")


def crash(_services: Services, _options: Mapping[str, Any], report: Report) -> None:
    report.event({"loss": float("nan")})


WORK = {work.__name__: work for work in (count, wait, hang, refuse, crash)}


def work(services: Services, options: Mapping[str, Any], report: Report) -> Any:
    return WORK[options["do"]](services, options, report)


if __name__ == "__main__":
    watch.HEARTBEAT_SECONDS = 0.2
    if gate := os.environ.get(GATE):
        Path(gate).read_bytes()  # a FIFO: waits until the test opens it
    KINDS["training"] = Kind("Training", Action.TRAIN, limit_seconds=1.8, exclusive=True)
    sys.exit(main(handlers=dict.fromkeys(set(KINDS) - {WITHOUT_A_HANDLER}, work)))
