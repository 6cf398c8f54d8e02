"""Runs by schedule: each once, none after an outage, and what becomes of those whose job is gone."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from loyalty_core.access import Scope, Viewer
from loyalty_core.campaigns import CampaignRun, CampaignRuns, Campaigns, CampaignState
from loyalty_core.jobs import Job, JobQueue
from loyalty_core.jobs.job import job_of
from loyalty_core.store import StateStore
from loyalty_core.store.jobs import JobRecord
from loyalty_core.warehouse import GroupsOnly, NeedsEveryCustomer, RestrictedWarehouse, Restriction
from tests.campaigns.programme import NOW, Customer, Programme
from tests.waiting import wait_until

pytestmark = pytest.mark.extended

Open = Callable[..., Programme]
DAILY = {"kind": "schedule", "hour": 13}  # NOW is 12:00 UTC
DUE = NOW + timedelta(hours=1)


class NoProcesses(JobQueue):
    """Jobs that wait for a process that nobody starts."""

    def __init__(self, store: StateStore) -> None:
        super().__init__(store)
        self.store = store

    def start(self, kind: str, options: Mapping[str, Any], actor: str) -> Job:
        now = datetime.now(UTC)
        values = {"state": "queued", "phase": "Starting", "done": 0, "message": "", "log_tail": ""}
        with self.store.session() as session:
            record = JobRecord(
                kind=kind, options=dict(options), started_by=actor, created_at=now, heartbeat_at=now, **values
            )
            session.add(record)
            session.flush()
            return job_of(record, now)


def runs_of(one: Programme) -> CampaignRuns:
    services = one.services
    return CampaignRuns(services.store, services.campaigns, NoProcesses(services.store), services.viewers)


def saved(one: Programme, campaign_id: str) -> list[CampaignRun]:
    return one.services.campaigns.repository.runs(campaign_id)


def test_a_schedule_is_run_when_it_is_due_and_once(programme_anywhere: Open):
    one = programme_anywhere(Customer("C1"))
    campaign = one.campaign(trigger=DAILY)
    assert campaign.next_run_at == DUE
    runs = runs_of(one)
    assert runs.run_due(DUE - timedelta(seconds=1)) == []
    with ThreadPoolExecutor(4) as pool:
        begun = [run for several in pool.map(lambda _: runs.run_due(DUE), range(4)) for run in several]
    (run,) = begun
    assert (run.status, run.due_at, run.started_by) == ("waiting", DUE, "ann")
    assert one.services.campaigns.repository.get(campaign.id).next_run_at == DUE + timedelta(days=1)
    found = runs.make(run.id)
    assert found is not None
    assert found.to_send == 1
    assert runs.make(run.id) is None
    (done,) = saved(one, campaign.id)
    assert (done.status, done.counts) == ("done", found.counts)
    scoped = one.services.seen_by(
        Viewer("kari", frozenset({"analyst"}), Scope.of({"==": [{"var": "customer_id"}, "C2"]}))
    )
    assert [(run.status, run.counts) for run in scoped.campaigns.runs(campaign.id)] == [("done", None)]
    assert one.services.campaigns.runs(campaign.id) == [done]
    guarded = RestrictedWarehouse(one.services.warehouse, Restriction(None, hides_personal_data=True, smallest_group=5))
    whole = one.services
    seen = Campaigns(whole.settings, whole.store, guarded, whole.segmentation, whole.policies, whole.offers)
    assert [run.counts for run in seen.runs(campaign.id)] == [None]
    for ask in (seen.performance, seen.executions, lambda campaign: seen.waterfall(campaign.definition, campaign)):
        with pytest.raises(GroupsOnly):
            ask(campaign)


def test_after_an_outage_or_in_a_copied_store_old_schedules_do_not_fire(programme: Open):
    one = programme(Customer("C1"))
    campaign = one.campaign(trigger=DAILY)
    late = DUE + timedelta(days=12, minutes=61)
    assert runs_of(one).run_due(late) == []
    assert [(run.status, run.due_at) for run in saved(one, campaign.id)] == [("missed", DUE)]
    assert one.services.campaigns.repository.get(campaign.id).next_run_at == DUE + timedelta(days=13)
    assert runs_of(one).run_due(late) == []


def test_a_campaign_that_was_paused_does_not_make_up_for_its_runs(programme: Open):
    one = programme(Customer("C1"))
    campaign = one.campaign(trigger=DAILY)
    repository = one.services.campaigns.repository
    repository.pause(campaign.id, actor="ann")
    assert runs_of(one).run_due(DUE) == []
    resumed = repository.resume(campaign.id, actor="ann", now=DUE + timedelta(days=3, minutes=1))
    assert resumed.next_run_at == DUE + timedelta(days=4)
    assert saved(one, campaign.id) == []


def test_a_run_whose_job_is_gone_has_failed(programme: Open):
    one = programme(Customer("C1"))
    campaign = one.campaign()
    runs = runs_of(one)
    run = runs.begin(campaign.id, actor="ann", now=NOW)
    with pytest.raises(CampaignState, match="Wait until that run has ended"):
        runs.begin(campaign.id, actor="ann", now=NOW + timedelta(seconds=1))
    with one.services.store.session() as session:
        session.get_one(JobRecord, run.job).state = "failed"
    assert runs.run_due(NOW) == []
    (failed,) = saved(one, campaign.id)
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error["remedy"] == "Run it again: by its re-entry rule nobody enters twice."


def test_a_run_by_hand_is_a_job_in_a_process_of_its_own(programme: Open, monkeypatch: pytest.MonkeyPatch):
    one = programme(Customer("C1"), Customer("C2", consent=False))
    monkeypatch.setenv("DWH_URL", one.services.settings.dwh_url)
    campaign = one.campaign()
    begun = one.services.campaign_runs.begin(campaign.id, actor="ann")

    def ended() -> Job | None:
        job = one.services.jobs.get(begun.job or 0)
        return None if job.is_under_way else job

    job: Any = wait_until(ended)
    assert (job.state, job.message) == ("done", "1 of 2 customers get a message.")
    (run,) = saved(one, campaign.id)
    assert (run.status, run.counts) == ("done", job.result)


def test_whoever_sees_a_part_of_the_customers_does_not_write_to_all(programme: Open):
    one = programme(Customer("C1"), Customer("C2", points=20))
    campaign = one.campaign()
    one.services.campaigns.repository.pause(campaign.id, actor="ann")
    viewer = Viewer("bob", frozenset({"analyst"}), scope=Scope.of({">": [{"var": "points"}, 100]}))
    restricted = one.services.seen_by(viewer).campaigns
    assert restricted.waterfall(campaign.definition, campaign, NOW).audience == 1
    with pytest.raises(NeedsEveryCustomer):
        restricted.resume(campaign.id, actor="bob")
