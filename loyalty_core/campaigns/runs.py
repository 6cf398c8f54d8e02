"""Runs over a whole audience, by hand or by schedule: each is a row of the state store and a background job."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from loyalty_core.access import Action, acting_as, require
from loyalty_core.campaigns.campaign import CampaignRun, campaign_of, run_of
from loyalty_core.campaigns.definition import Definition
from loyalty_core.campaigns.edits import SUBJECT_KIND, record_of
from loyalty_core.campaigns.enrolment import enter_staged
from loyalty_core.campaigns.errors import CampaignState
from loyalty_core.campaigns.schedule import next_run
from loyalty_core.campaigns.waterfall import Waterfall, waterfall_of
from loyalty_core.errors import LoyaltyError
from loyalty_core.jobs import JobError, JobNotFound
from loyalty_core.store import audit
from loyalty_core.store.campaigns import CampaignRecord, CampaignRunRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from sqlalchemy.orm import Session

    from loyalty_core.accounts import Viewers
    from loyalty_core.campaigns.campaign import Campaign
    from loyalty_core.campaigns.campaigns import Campaigns
    from loyalty_core.jobs import JobQueue
    from loyalty_core.store import StateStore

    Progress = Callable[[int, int], object]

_log = logging.getLogger(__name__)

JOB_KIND = "campaign"
_SECONDS_BETWEEN_LOOKS = 15.0
_UNDER_WAY = ("waiting", "running")
# Between the row of a run and its job there is a moment in which the process may die.
_WITHOUT_JOB = timedelta(minutes=1)


class CampaignRuns:
    """Makes runs, and the runs that schedules are due for.

    Raises `StateStoreUnavailable`, and what `Campaigns` raises.
    """

    def __init__(self, store: StateStore, campaigns: Campaigns, jobs: JobQueue, viewers: Viewers) -> None:
        self._store = store
        self._campaigns = campaigns
        self._jobs = jobs
        self._viewers = viewers

    def begin(self, campaign_id: str, *, actor: str, now: datetime | None = None) -> CampaignRun:
        """Begin a run by hand over the whole audience of a running campaign. Needs RUN_CAMPAIGNS.

        Raises `CampaignState` where the campaign is not running, or is being run already.
        """
        require(Action.RUN_CAMPAIGNS)
        now = now or datetime.now(UTC)
        with self._store.session() as session:
            record = record_of(session, campaign_id, lock=True)
            if record.state != "running":
                raise CampaignState(record.name, "run", record.state, "Start or resume it first.")
            if _is_under_way(session, campaign_id):
                raise CampaignState(record.name, "run", "being run", "Wait until that run has ended.")
            run = _add_run(session, record, now, now, actor, "waiting")
            audit.record(
                session,
                actor=actor,
                action="run",
                subject_kind=SUBJECT_KIND,
                subject_id=campaign_id,
                details={"name": record.name, "version": record.version, "run": run.id},
            )
        return self._start_job(run_of(run))

    def run_due(self, now: datetime | None = None) -> list[CampaignRun]:
        """Begin the runs that schedules are due for, and see to those whose job is gone; the runs that were begun.

        Whoever calls this often enough, from however many processes, makes each run once. What is overdue by more than
        CAMPAIGN_RUN_GRACE_MINUTES, after an outage or in a copy of the state store, is recorded as missed.
        """
        now = now or datetime.now(UTC)
        self._see_to_orphans(now)
        with self._store.session(read_only=True) as session:
            if session.scalar(_due(now).with_only_columns(CampaignRecord.id).limit(1)) is None:
                return []
        with self._store.session() as session:
            due = session.scalars(_due(now).with_for_update(skip_locked=True, of=CampaignRecord)).all()
            waiting = [run for record in due if (run := self._take_turn(session, record, now))]
        return [self._start_job(run_of(run)) for run in waiting]

    def keep_schedules(self, stop: Event) -> None:
        """Begin runs when they are due, until `stop`; an outage is logged once, and the next look tries again."""
        failed = ""
        while True:
            try:
                self.run_due()
                failed = ""
            except LoyaltyError as error:
                if str(error) != failed:
                    _log.error("Schedules of campaigns are not looked at: %s", error)
                failed = str(error)
            if stop.wait(_SECONDS_BETWEEN_LOOKS):
                return

    def make(
        self, run_id: int, on_progress: Progress = lambda _done, _of: None, now: datetime | None = None
    ) -> Waterfall | None:
        """Make a run that is waiting: what its job does. None for one that another process makes or has made."""
        campaign = self._claim(run_id)
        if campaign is None:
            return None
        try:
            with self._campaigns.staged(campaign.definition, campaign, now) as staged:
                counted = enter_staged(
                    self._store,
                    staged.connection,
                    campaign,
                    staged.terms,
                    staged.placing,
                    f"run:{run_id}",
                    lambda done: on_progress(done, staged.customers),
                )
        except LoyaltyError as error:
            self._end(run_id, "failed", error=JobError.of(error))
            raise
        except BaseException:
            self._end(run_id, "failed", error=_stopped())
            raise
        found = waterfall_of(counted, staged.placing.due_times)
        self._end(run_id, "done", counts=found.counts)
        return found

    def _take_turn(self, session: Session, record: CampaignRecord, now: datetime) -> CampaignRunRecord | None:
        """Record the run that is due, and when the next one will be; None where it was missed."""
        due_at = record.next_run_at or now
        record.next_run_at = next_run(Definition.from_json(record.content).trigger, now, self._campaigns.settings.zone)
        actor = record.started_by or record.owner
        grace = timedelta(minutes=self._campaigns.settings.campaign_run_grace_minutes)
        if now - due_at > grace or _is_under_way(session, record.id):
            _add_run(session, record, due_at, now, actor, "missed").ended_at = now
            return None
        return _add_run(session, record, due_at, now, actor, "waiting")

    def _start_job(self, run: CampaignRun) -> CampaignRun:
        """Start the job of a run in the name of whoever started the campaign, with the roles that they have now."""
        options = {"campaign_id": run.campaign_id, "run_id": run.id}
        try:
            with acting_as(self._viewers.of_id(run.started_by)):
                job = self._jobs.start(JOB_KIND, options, run.started_by)
        except LoyaltyError as error:
            self._end(run.id, "failed", error=JobError.of(error))
        else:
            with self._store.session() as session:
                session.execute(update(CampaignRunRecord).where(CampaignRunRecord.id == run.id).values(job=job.id))
        with self._store.session(read_only=True) as session:
            return run_of(session.get_one(CampaignRunRecord, run.id))

    def _see_to_orphans(self, now: datetime) -> None:
        """End the runs whose job has ended without them, and start the job of those that have none."""
        with self._store.session(read_only=True) as session:
            found = select(CampaignRunRecord).where(CampaignRunRecord.status.in_(_UNDER_WAY))
            open_runs = [run_of(record) for record in session.scalars(found)]
        for run in open_runs:
            if run.job is not None:
                if not self._is_under_way(run.job):
                    self._end(run.id, "failed", error=_stopped())
            elif run.status == "waiting" and now - run.started_at > _WITHOUT_JOB:
                grace = timedelta(minutes=self._campaigns.settings.campaign_run_grace_minutes)
                if now - run.due_at > grace:
                    self._end(run.id, "missed")
                else:
                    self._start_job(run)

    def _is_under_way(self, job_id: int) -> bool:
        try:
            return self._jobs.get(job_id).is_under_way
        except JobNotFound:  # jobs are forgotten after a while
            return False

    def _claim(self, run_id: int) -> Campaign | None:
        with self._store.session() as session:
            run = session.get(CampaignRunRecord, run_id, with_for_update=True)
            if run is None or run.status != "waiting":
                return None
            run.status = "running"
            return campaign_of(record_of(session, run.campaign_id))

    def _end(
        self, run_id: int, status: str, *, counts: dict[str, int] | None = None, error: JobError | None = None
    ) -> None:
        with self._store.session() as session:
            record = session.get(CampaignRunRecord, run_id)
            if record is not None and record.status in _UNDER_WAY:
                record.status, record.counts, record.ended_at = status, counts, datetime.now(UTC)
                record.error = None if error is None else error._asdict()


def _due(now: datetime) -> Any:
    return select(CampaignRecord).where(CampaignRecord.state == "running", CampaignRecord.next_run_at <= now)


def _is_under_way(session: Session, campaign_id: str) -> bool:
    wanted = select(CampaignRunRecord.id).where(
        CampaignRunRecord.campaign_id == campaign_id, CampaignRunRecord.status.in_(_UNDER_WAY)
    )
    return session.scalar(wanted.limit(1)) is not None


def _add_run(
    session: Session, record: CampaignRecord, due_at: datetime, now: datetime, actor: str, status: str
) -> CampaignRunRecord:
    run = CampaignRunRecord(
        campaign_id=record.id, due_at=due_at, started_at=now, started_by=actor, version=record.version, status=status
    )
    session.add(run)
    session.flush()
    return run


def _stopped() -> JobError:
    return JobError(
        "The run was stopped before its end.",
        "Customers who had entered by then stay in the campaign.",
        "Run it again: by its re-entry rule nobody enters twice.",
    )
