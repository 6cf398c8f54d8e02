"""The thread that runs beside a job's work: sends heartbeats, and ends the process when the job may not go on."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, TypeVar

from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.jobs import records
from loyalty_core.jobs.job import Job, JobError, Outcome
from loyalty_core.jobs.kinds import KINDS
from loyalty_core.jobs.process import identify, tail

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from loyalty_core.jobs.records import Standing
    from loyalty_core.jobs.report import Report
    from loyalty_core.store import StateStore

Answer = TypeVar("Answer")

_log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 1.0
# How long a handler that was asked to stop may take to clean up.
GRACE_SECONDS = 5.0
# After so long without a heartbeat other machines are about to declare the job failed, and another may start.
SILENT_SECONDS = 100.0


class Watch:
    """Watches the claimed `job` inside the block; `verdict` is how it ends if it was asked to stop."""

    def __init__(self, store: StateStore, job: Job, report: Report) -> None:
        self.verdict: Outcome | None = None
        self._store, self._job, self._report = store, job, report
        self._log_file = Path(job.log_file) if job.log_file else None
        self._heard = time.monotonic()
        self._time_is_up = self._heard + KINDS[job.kind].limit_seconds
        self._over = Event()
        self._thread = Thread(target=self._watch_or_end, name="watch", daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def finish(self, outcome: Outcome) -> None:
        """Record how the job ended, with the last lines of its log, which is removed."""
        progress, events = self._report.unreported()
        log_tail = self._log_tail()
        retry(lambda: records.finish(self._store, self._job.id, outcome, progress, events, log_tail))
        if self._log_file:
            with suppress(OSError):
                self._log_file.unlink()

    def _watch_or_end(self) -> None:
        try:
            self._watch()
        except Exception:  # noqa: BLE001 -- without the watch the job could not be stopped, whatever the error
            _log.exception("The job can no longer be watched and ends itself.")
            end_this_process()

    def _watch(self) -> None:
        kill_at = float("inf")
        while not self._over.wait(HEARTBEAT_SECONDS):
            standing = self._beat()
            now = time.monotonic()
            if standing == "over" or now - self._heard > SILENT_SECONDS:
                _log.error("This job has been given up by others and ends itself.")
                end_this_process()
            if now > kill_at and self.verdict:
                _log.error("The job did not stop when asked to and is killed.")
                self.finish(self.verdict)
                end_this_process()
            if self.verdict is None and (verdict := self._reason_to_stop(standing, now)):
                self.verdict = verdict
                kill_at = now + GRACE_SECONDS
                self._report.stop()

    def _beat(self) -> Standing:
        progress, events = self._report.unreported()
        try:
            standing = records.beat(self._store, self._job.id, progress, events, self._log_tail())
        except StateStoreUnavailable as error:
            _log.warning("No heartbeat: %s", error)
            return "going"
        self._report.mark_reported(len(events))
        self._heard = time.monotonic()
        return standing

    def _log_tail(self) -> str:
        return tail(self._log_file) if self._log_file else ""

    def _reason_to_stop(self, standing: Standing, now: float) -> Outcome | None:
        if standing == "stopping":
            return Outcome("cancelled")
        if now < self._time_is_up:
            return None
        kind = KINDS[self._job.kind]
        what = f"{kind.title} took longer than {kind.limit_seconds / 3600:g} hours and was stopped."
        return Outcome(
            "failed", JobError(what, remedy="Look in its log for what it was waiting for, then start it again.")
        )


def retry(action: Callable[[], Answer]) -> Answer:
    """Retry for a while if the state store does not answer: it may be busy or restarting."""
    patience = time.monotonic() + SILENT_SECONDS
    while True:
        try:
            return action()
        except StateStoreUnavailable as error:
            if time.monotonic() > patience:
                raise
            _log.warning("Trying again: %s", error)
            time.sleep(HEARTBEAT_SECONDS)


def end_this_process() -> None:
    """Kill this process and everything it has started, even if something hangs."""
    identify(os.getpid()).kill()
