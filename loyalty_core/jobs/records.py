"""Changes of a job's record in the state store, each in one transaction."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import delete, func, select

from loyalty_core.jobs.errors import JobNotFound
from loyalty_core.jobs.job import UNDER_WAY, Job, Outcome, job_of
from loyalty_core.jobs.process import ProcessIdentity
from loyalty_core.store.dialects import dialect_of_session
from loyalty_core.store.jobs import JobEventRecord, JobRecord

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from loyalty_core.jobs.report import Progress
    from loyalty_core.store import StateStore

Standing = Literal["going", "stopping", "over"]

MAX_RECENT = 200
RETENTION = timedelta(days=90)


def clock(session: Session) -> datetime:
    """The time in UTC by the store's own clock, since those of the machines that share it may disagree."""
    return dialect_of_session(session).now(session)


def locked(session: Session, job_id: int) -> JobRecord:
    """The record, locked until the session ends. Raises `JobNotFound`."""
    record = session.get(JobRecord, job_id, with_for_update=True)
    if record is None:
        raise JobNotFound(job_id)
    return record


def claim(store: StateStore, job_id: int, process: ProcessIdentity) -> Job | None:
    """Assign the job to `process` and mark it as running; None if it is not queued. Raises `JobNotFound`."""
    with store.session() as session:
        record = locked(session, job_id)
        if record.state != "queued":
            return None
        now = clock(session)
        record.state = "running"
        record.started_at = record.heartbeat_at = now
        set_process(record, process)
        return job_of(record, now)


def set_process(record: JobRecord, process: ProcessIdentity) -> None:
    record.host, record.pid, record.process_started = process.host, process.pid, process.started


def process_of(record: JobRecord) -> ProcessIdentity | None:
    if record.host is None or record.pid is None or record.process_started is None:
        return None
    return ProcessIdentity(record.host, record.pid, record.process_started)


def beat(store: StateStore, job_id: int, progress: Progress, events: Sequence[Any], log_tail: str) -> Standing:
    """Record that the job is alive and its progress; returns whether it may go on."""
    with store.session() as session:
        record = locked(session, job_id)
        if record.state != "running":
            return "over"
        record.heartbeat_at = clock(session)
        _write(session, record, progress, events, log_tail)
        return "going" if record.cancel_requested_at is None else "stopping"


def finish(
    store: StateStore, job_id: int, outcome: Outcome, progress: Progress, events: Sequence[Any], log_tail: str
) -> None:
    """Record how a job ended, unless that has already been decided."""
    with store.session() as session:
        record = locked(session, job_id)
        if record.state in UNDER_WAY:
            _write(session, record, progress, events, log_tail)
            end(record, outcome, clock(session))


def end(record: JobRecord, outcome: Outcome, now: datetime) -> None:
    """Close the record, so that another job of an exclusive kind may start."""
    record.state, record.ended_at, record.exclusive_kind = outcome.state, now, None
    record.error = outcome.error._asdict() if outcome.error else None
    record.result = outcome.result
    record.log_file = None


def forget_old(session: Session, now: datetime) -> None:
    """Delete jobs that ended before the retention period, and their events, except for the most recent ones."""
    ended = JobRecord.state.not_in(UNDER_WAY)
    recent = select(JobRecord.id).where(ended).order_by(JobRecord.id.desc()).limit(MAX_RECENT)
    old = delete(JobRecord).where(ended, JobRecord.ended_at < now - RETENTION, JobRecord.id.not_in(recent))
    session.execute(old, execution_options={"synchronize_session": False})


def _write(session: Session, record: JobRecord, progress: Progress, events: Sequence[Any], log_tail: str) -> None:
    record.phase, record.done, record.total = progress.phase, progress.done, progress.total
    record.message, record.log_tail = progress.message, log_tail
    if events:
        last = select(func.max(JobEventRecord.number)).where(JobEventRecord.job_id == record.id)
        session.add_all(
            JobEventRecord(job_id=record.id, number=number, at=record.heartbeat_at, data=data)
            for number, data in enumerate(events, (session.scalar(last) or 0) + 1)
        )
