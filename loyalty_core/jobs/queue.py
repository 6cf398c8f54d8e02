"""JobQueue starts, follows and stops jobs."""

from __future__ import annotations

from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from loyalty_core.access import Action, require
from loyalty_core.errors import LoyaltyError
from loyalty_core.jobs.errors import JobNotFound, JobRunning, UnknownKind
from loyalty_core.jobs.job import UNDER_WAY, WAITING, Job, JobError, JobEvent, Outcome, event_of, job_of
from loyalty_core.jobs.kinds import KINDS
from loyalty_core.jobs.process import identify, launch, new_log
from loyalty_core.jobs.reaper import Patience, discard_log, killed, mark_failed, reap
from loyalty_core.jobs.records import clock, end, forget_old, locked, set_process
from loyalty_core.store import audit
from loyalty_core.store.jobs import JobEventRecord, JobRecord

if TYPE_CHECKING:
    import builtins
    import subprocess
    from collections.abc import Mapping
    from pathlib import Path

    from sqlalchemy.sql import ColumnElement

    from loyalty_core.store import StateStore

SUBJECT_KIND = "job"


class JobQueue:
    """All jobs in the state store, whichever process or machine started them.

    Reading jobs closes those whose process is gone. `module` is what a job's process runs. Every method raises
    `StateStoreUnavailable` if the database cannot be used, and those that take an id raise `JobNotFound`.
    """

    def __init__(
        self, store: StateStore, *, module: str = "loyalty_core.work.run", patience: Patience | None = None
    ) -> None:
        self._store = store
        self._module = module
        self._patience = patience or Patience()

    def start(self, kind: str, options: Mapping[str, Any], actor: str) -> Job:
        """Start a job in a separate process, which outlives this one, or put it in line.

        The viewer must be allowed the action of the kind, also to cancel or dismiss one. Raises `UnknownKind`, and
        `JobRunning` if a job of the same exclusive kind is under way.
        """
        if kind not in KINDS:
            raise UnknownKind(kind)
        require(KINDS[kind].action)
        job_id = self._add(kind, options, actor)
        if KINDS[kind].most_at_once is None:
            self._launch(kind, job_id)
        else:
            self._launch_waiting()
        return self.get(job_id)

    def get(self, job_id: int) -> Job:
        """One job in its current state."""
        found = self._find(1, JobRecord.id == job_id)
        if not found:
            raise JobNotFound(job_id)
        return found[0]

    def latest(self, kind: str, about: Mapping[str, str] | None = None) -> Job | None:
        """The job of the kind that was started last, among those whose options include `about`."""
        wanted = (JobRecord.options[name].as_string() == value for name, value in (about or {}).items())
        return next(iter(self._find(1, JobRecord.kind == kind, *wanted)), None)

    def running(self, kind: str) -> Job | None:
        """The job of the kind that is under way; the newest if there are several."""
        return next(iter(self._find(1, JobRecord.kind == kind, JobRecord.state.in_(UNDER_WAY))), None)

    def list(self, limit: int = 50, *, before: int | None = None, kind: str | None = None) -> builtins.list[Job]:
        """The latest jobs, newest first: of all kinds or one, and with `before` only those started before that one."""
        wanted = [JobRecord.kind == kind] if kind is not None else []
        return self._find(limit, *wanted, *([JobRecord.id < before] if before is not None else []))

    def count_by_state(self) -> dict[tuple[str, str], int]:
        """How many jobs of each kind and state the state store has; nothing is closed or started."""
        counted = select(JobRecord.kind, JobRecord.state, func.count()).group_by(JobRecord.kind, JobRecord.state)
        with self._store.session(read_only=True) as session:
            return {(kind, state): count for kind, state, count in session.execute(counted)}

    def events(self, job_id: int, after: int = 0) -> builtins.list[JobEvent]:
        """The events that the job reported after number `after`, in order."""
        events = select(JobEventRecord).where(JobEventRecord.job_id == job_id, JobEventRecord.number > after)
        with self._store.session(read_only=True) as session:
            return [event_of(record) for record in session.scalars(events.order_by(JobEventRecord.number))]

    def cancel(self, job_id: int, actor: str) -> Job:
        """Ask a job to stop; if it does not within seconds, it is killed. A job that has ended stays as it is."""
        with self._store.session() as session:
            record = locked(session, job_id)
            _require_allowed(record)
            if record.state in UNDER_WAY and record.cancel_requested_at is None:
                now = record.cancel_requested_at = clock(session)
                if record.state == "queued":  # its process will find nothing to do
                    discard_log(record)
                    end(record, Outcome("cancelled"), now)
                audit.record(
                    session, actor=actor, action="cancelled", subject_kind=SUBJECT_KIND, subject_id=str(job_id)
                )
        return self.get(job_id)

    def dismiss(self, job_id: int) -> None:
        """Mark a failure as seen, so that screens no longer show it."""
        with self._store.session() as session:
            record = locked(session, job_id)
            _require_allowed(record)
            record.dismissed_at = clock(session)

    def _find(self, limit: int, *conditions: ColumnElement[bool]) -> builtins.list[Job]:
        reap(self._store, self._patience)
        self._launch_waiting()
        wanted = select(JobRecord).where(*conditions).order_by(JobRecord.id.desc()).limit(limit)
        with self._store.session(read_only=True) as session:
            now = clock(session)
            return [job_of(record, now) for record in session.scalars(wanted)]

    def _add(self, kind: str, options: Mapping[str, Any], actor: str) -> int:
        reap(self._store, self._patience)
        try:
            return self._insert(kind, options, actor)
        except IntegrityError:
            running = self.running(kind)
        if running is None:  # it ended at this very moment
            return self._insert(kind, options, actor)
        raise JobRunning(running)

    def _insert(self, kind: str, options: Mapping[str, Any], actor: str) -> int:
        with self._store.session() as session:
            now = clock(session)
            record = JobRecord(
                kind=kind,
                exclusive_kind=kind if KINDS[kind].exclusive else None,
                options=dict(options),
                state="queued",
                phase="Starting" if KINDS[kind].most_at_once is None else WAITING,
                done=0,
                message="",
                started_by=actor,
                created_at=now,
                heartbeat_at=now,
                log_tail="",
            )
            session.add(record)
            session.flush()
            forget_old(session, now)
            details = {"kind": kind, "options": record.options}
            audit.record(
                session,
                actor=actor,
                action="started",
                subject_kind=SUBJECT_KIND,
                subject_id=str(record.id),
                details=details,
            )
            return record.id

    def _launch_waiting(self) -> None:
        """Start the jobs that are next in line; done when jobs are read, as the process that added them may be gone."""
        waiting = select(JobRecord.kind).where(JobRecord.state == "queued", JobRecord.phase == WAITING).distinct()
        with self._store.session(read_only=True) as session:
            kinds = session.scalars(waiting).all()
        for kind in KINDS.keys() & kinds:  # of one that only a newer version knows, that version takes care
            while job_id := self._next_turn(kind):
                self._launch(kind, job_id)

    def _next_turn(self, kind: str) -> int | None:
        """The first job of the kind in line, made ready to start; None while as many as allowed are running."""
        under_way = select(JobRecord).where(JobRecord.kind == kind, JobRecord.state.in_(UNDER_WAY))
        with self._store.session() as session:
            records = session.scalars(under_way.order_by(JobRecord.id).with_for_update()).all()
            waiting = [record for record in records if record.phase == WAITING]
            if not waiting or len(records) - len(waiting) >= (KINDS[kind].most_at_once or len(records)):
                return None
            record = waiting[0]
            record.phase, record.heartbeat_at = "Starting", clock(session)
            return record.id

    def _launch(self, kind: str, job_id: int) -> None:
        # A job uses the store that it was started in, whatever its settings say.
        settings = {"STATE_DATABASE_URL": self._store.url.render_as_string(hide_password=False)}
        try:
            log = new_log()
            if not self._set_log(job_id, log):
                return
            process = launch(self._module, job_id, log, settings)
        except OSError as error:
            what = f"{KINDS[kind].title} could not be started."
            mark_failed(self._store, job_id, JobError(what, f"{error}.", "Try again when the machine is less busy."))
            return
        with self._store.session() as session:
            record = locked(session, job_id)
            if record.host is None:
                set_process(record, identify(process.pid))
        Thread(target=self._wait_for, args=(kind, job_id, process, log), name=f"job-{job_id}", daemon=True).start()

    def _set_log(self, job_id: int, log: Path) -> bool:
        """Give the job its log, unless it was cancelled in the meantime; then the log is removed."""
        is_set = False
        try:
            with self._store.session() as session:
                record = locked(session, job_id)
                if record.state == "queued":
                    record.log_file = str(log)
                    is_set = True
        finally:
            if not is_set:
                log.unlink()
        return is_set

    def _wait_for(self, kind: str, job_id: int, process: subprocess.Popen[bytes], log: Path) -> None:
        """Wait for the process, so that it leaves no zombie, and record a failure that it could not record itself."""
        exit_code = process.wait()
        # If the store cannot be reached, whoever reads jobs next closes this one, and needs its log.
        with suppress(LoyaltyError):
            if exit_code:
                mark_failed(self._store, job_id, killed(kind, exit_code))
            # It is still there if the process was killed between recording its end and removing its log.
            log.unlink(missing_ok=True)
        with suppress(LoyaltyError):
            self._launch_waiting()


def _require_allowed(record: JobRecord) -> None:
    """Kinds that only a newer version knows are for those who may start training."""
    require(KINDS[record.kind].action if record.kind in KINDS else Action.TRAIN)
