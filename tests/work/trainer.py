"""The process of a training, real in all but its end: it is killed (signal 9) at the moment that `DIES_AT` names.

A moment is `phase@seconds`: so long after the phase began; `file@number`: before that touch of a file while the version
is written; or `end@0`: once everything is done and nobody knows of it yet.
"""

import os
import signal
import sys
from threading import Timer
from typing import Any

from loyalty_core.jobs.report import Report
from loyalty_core.jobs.watch import Watch
from loyalty_core.work.run import main

FIRST_PHASE = "Starting"
SAVING = "Saving the version"
FILE_EVENTS = {"open", "os.rename", "os.mkdir"}


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_later(seconds: float) -> None:
    timer = Timer(seconds, die)
    timer.daemon = True
    timer.start()


def die_in_phase(wanted: str, seconds: float) -> None:
    begin = Report.phase

    def phase(report: Report, name: str, total: int | None = None) -> None:
        if name == wanted:
            die_later(seconds)
        begin(report, name, total)

    Report.phase = phase


def die_at_file(number: int) -> None:
    begin, touched = Report.phase, None

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal touched
        if touched is not None and event in FILE_EVENTS and "versions" in str(arguments[0]):
            touched += 1
            if touched == number:
                die()

    def phase(report: Report, name: str, total: int | None = None) -> None:
        nonlocal touched
        begin(report, name, total)
        if name == SAVING:
            touched = 0

    Report.phase = phase
    sys.addaudithook(count)


def be_mortal(moment: str) -> None:
    what, _, when = moment.rpartition("@")
    match what:
        case "":
            return
        case "file":
            die_at_file(int(when))
        case "end":
            Watch.finish = die
        case _ if what == FIRST_PHASE:
            die_later(float(when))
        case _:
            die_in_phase(what, float(when))


if __name__ == "__main__":
    be_mortal(os.environ.get("DIES_AT", ""))
    sys.exit(main())
