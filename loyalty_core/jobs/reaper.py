"""Closes jobs whose process is gone, with the last lines of their logs; whoever reads jobs next does so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from loyalty_core.jobs.job import UNDER_WAY, WAITING, JobError, Outcome
from loyalty_core.jobs.kinds import KINDS
from loyalty_core.jobs.process import tail
from loyalty_core.jobs.records import clock, end, locked, process_of
from loyalty_core.store.jobs import JobRecord

if TYPE_CHECKING:
    from datetime import datetime

    from loyalty_core.store import StateStore

_AGAIN = "Start it again. If it ends the same way, the last lines of its log may say why."
_GONE = "It was killed, it ran out of memory, or the machine was restarted."


@dataclass(frozen=True)
class Patience:
    """How many seconds without a heartbeat are tolerated.

    After `stale`, the job's own machine checks whether the process exists. After `abandoned`, any other machine
    declares the job failed. `starting` is how long a process may take to start.
    """

    stale: float = 10.0
    abandoned: float = 120.0
    starting: float = 60.0


def reap(store: StateStore, patience: Patience) -> None:
    """Close every job that can no longer end by itself."""
    with store.session(read_only=True) as session:
        silent_since = clock(session) - timedelta(seconds=patience.stale)
        silent = select(JobRecord.id).where(
            JobRecord.state.in_(UNDER_WAY), JobRecord.phase != WAITING, JobRecord.heartbeat_at < silent_since
        )
        suspects = session.scalars(silent).all()
    for job_id in suspects:
        with store.session() as session:
            record, now = locked(session, job_id), clock(session)
            outcome = _judge(record, now, patience) if record.state in UNDER_WAY else None
            if outcome:
                _close(record, outcome, now)


def mark_failed(store: StateStore, job_id: int, error: JobError) -> None:
    """Close a job whose process is known to have ended, unless it has closed itself."""
    with store.session() as session:
        record = locked(session, job_id)
        if record.state in UNDER_WAY:
            cancelled = record.cancel_requested_at is not None
            _close(record, Outcome("cancelled") if cancelled else Outcome("failed", error), clock(session))


def killed(kind: str, exit_code: int) -> JobError:
    """The error for a process that ended with this code (negative: a signal) without reporting one itself."""
    if exit_code >= 0:
        return JobError(f"{KINDS[kind].title} could not run.", f"Its process ended with code {exit_code}.", _AGAIN)
    why = "It was killed (signal 9), which Linux does when memory runs out." if exit_code == -9 else ""
    return JobError(_ended(kind), why or f"It was killed from outside (signal {-exit_code}).", _AGAIN)


def discard_log(record: JobRecord) -> None:
    """Remove the log of a job that has ended; its last lines are in the record."""
    process = process_of(record)
    if record.log_file and (process is None or process.is_here):
        Path(record.log_file).unlink(missing_ok=True)
    record.log_file = None


def _close(record: JobRecord, outcome: Outcome, now: datetime) -> None:
    process = process_of(record)
    if record.log_file and (process is None or process.is_here):
        record.log_tail = tail(Path(record.log_file)) or record.log_tail
    discard_log(record)
    end(record, outcome, now)


def _judge(record: JobRecord, now: datetime, patience: Patience) -> Outcome | None:
    """How the job ended; None while it may still be alive."""
    silent, process = (now - record.heartbeat_at).total_seconds(), process_of(record)
    if silent < patience.stale:
        return None
    if process is None:
        error = JobError(f"{KINDS[record.kind].title} did not start.", "The app was stopped at that moment.", _AGAIN)
        return Outcome("failed", error) if silent > patience.starting else None
    if not process.is_here:
        why = f"There has been no sign of life from {process.host} for {silent:.0f} seconds."
        return _ending(record, why) if silent > patience.abandoned else None
    if process.is_alive:
        if not _is_overdue(record, now, patience):
            return None
        process.kill()
        return _ending(record, "It did not stop when it had to, and was killed.")
    return _ending(record, _GONE)


def _ending(record: JobRecord, why: str) -> Outcome:
    if record.cancel_requested_at is not None:
        return Outcome("cancelled")
    return Outcome("failed", JobError(_ended(record.kind), why, _AGAIN))


def _ended(kind: str) -> str:
    return f"{KINDS[kind].title} ended before it was finished."


def _is_overdue(record: JobRecord, now: datetime, patience: Patience) -> bool:
    """Whether the job should have ended by itself by now: it was cancelled, or its time limit has passed."""
    margin = timedelta(seconds=patience.stale)
    if record.cancel_requested_at is not None:
        return now > record.cancel_requested_at + margin
    limit = timedelta(seconds=KINDS[record.kind].limit_seconds)
    return now > (record.started_at or record.created_at) + limit + margin
