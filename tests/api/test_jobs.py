"""Jobs over HTTP: started, listed, cancelled and followed."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from loyalty_core.access import acting_as, process_acts_as, terminal_viewer
from loyalty_core.api import create_api
from loyalty_core.services import get_services, services_of_process
from loyalty_core.settings import get_settings
from loyalty_core.store.jobs import JobEventRecord, JobRecord
from tests.fixtures.api import Ask, error_of
from tests.fixtures.jobs import over, see_off
from tests.waiting import PATIENCE_SECONDS
from tests.workbench import DEMO_CUSTOMERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.workbench import Configure

pytestmark = pytest.mark.extended


@pytest.fixture(autouse=True)
def store(demo_settings: Configure) -> Iterator[None]:
    yield
    see_off()


def add(state: str, kind: str = "comparison", events: int = 0, **values: Any) -> int:
    """A job as it is in the state store, with events that it has reported; returns its id."""
    now = datetime.now(UTC)
    record = JobRecord(
        kind=kind, options={"version": "v"}, state=state, phase="Counting", done=3, total=9, message="so far",
        started_by="ann", created_at=now, heartbeat_at=now, log_tail="the log",
        ended_at=now if state == "done" else None, **values,
    )  # fmt: skip
    with get_services().store.session() as session:
        session.add(record)
        session.flush()
        session.add_all(
            JobEventRecord(job_id=record.id, number=number, at=now, data={"epoch": number})
            for number in range(1, events + 1)
        )
        return record.id


def end(job_id: int) -> None:
    with get_services().store.session() as session:
        record = session.get(JobRecord, job_id)
        assert record is not None
        record.state, record.ended_at = "done", datetime.now(UTC)


def messages(text: str) -> list[tuple[str, str, Any]]:
    """Event, id and data of each message."""
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        if fields:
            found.append((fields["event"], fields["id"], json.loads(fields["data"])))
    return found


def test_jobs_are_listed_page_by_page(ask: Ask):
    ids = [add("done", kind) for kind in ("comparison", "export", "comparison")]
    first = ask("/jobs/?limit=2").json()
    assert ([job["job_id"] for job in first["jobs"]], first["next_cursor"]) == ([ids[2], ids[1]], ids[1])
    second = ask(f"/jobs/?limit=2&cursor={first['next_cursor']}").json()
    assert ([job["job_id"] for job in second["jobs"]], second["next_cursor"]) == ([ids[0]], None)
    assert [job["job_id"] for job in ask("/jobs/?kind=comparison").json()["jobs"]] == [ids[2], ids[0]]
    job = ask(f"/jobs/{ids[0]}/").json()
    assert job == second["jobs"][0]
    assert (job["title"], job["state"], job["done"], job["total"]) == ("Comparing versions", "done", 3, 9)
    assert (job["options"], job["log_tail"], job["started_by"]) == ({"version": "v"}, "the log", "ann")


@pytest.mark.parametrize("query", ["?kind=sleeping", "?limit=0", "?limit=201", "?cursor=0", "?page=2"])
def test_lists_that_cannot_be_asked_for(ask: Ask, query: str):
    assert error_of(ask(f"/jobs/{query}"))[:2] == (422, "bad_request")


def test_a_training_is_started_and_cancelled(ask: Ask):
    started = ask("/ml/train/", "POST", {"models": ["churn"], "epochs": 3, "since": "2026-01-01"})
    job = started.json()
    assert (started.status_code, started.headers["location"]) == (202, f"/jobs/{job['job_id']}/")
    actor = get_settings().local_user
    assert job["options"] == {"models": ["churn"], "epochs": 3, "since": "2026-01-01", "trained_by": actor}
    assert error_of(ask("/ml/train/", "POST"))[:2] == (409, "job_running")
    assert ask(f"/jobs/{job['job_id']}/cancel/", "POST").status_code == 200
    assert over(get_services().jobs, get_services().jobs.get(job["job_id"])).state == "cancelled"
    assert ask(f"/jobs/{job['job_id']}/", "DELETE").json()["state"] == "cancelled"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"models": ["clv"]}, "bad_training"),
        ({"epochs": 0}, "bad_training"),
        ({"activation": 3}, "bad_request"),
        ({"epochs": "3"}, "bad_request"),
        ({"epochs": 3.0}, "bad_request"),
        ({"epoch": 3}, "bad_request"),
        ({"since": "soon"}, "bad_request"),
        ([], "bad_request"),
    ],
)
def test_trainings_that_cannot_be_started(ask: Ask, body: object, code: str):
    assert error_of(ask("/ml/train/", "POST", body))[:2] == (422, code)
    assert get_services().jobs.list() == []


def test_a_scoring_is_followed_to_its_end(demo_settings: Configure, tmp_path: Path, ask: Ask):
    demo_settings(predictions_file=tmp_path / "predictions.parquet")
    started = ask("/ml/score/", "POST")
    job_id = started.json()["job_id"]
    stream = ask(f"/jobs/{job_id}/events/")
    assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
    *progress, (last, last_id, job) = messages(stream.text)
    assert {event for event, _, _ in progress} == {"progress"}
    assert (last, last_id, job["job_id"], job["state"]) == ("end", "end", job_id, "done")
    assert job["result"]["customers"] == DEMO_CUSTOMERS


def test_a_stream_is_resumed_after_the_last_event(ask: Ask):
    job_id = add("done", events=3)
    everything = messages(ask(f"/jobs/{job_id}/events/").text)
    assert [(event, number) for event, number, _ in everything] == [
        ("report", "1"), ("report", "2"), ("report", "3"), ("end", "end"),
    ]  # fmt: skip
    assert everything[0][2] == {"epoch": 1}
    resumed = messages(ask(f"/jobs/{job_id}/events/", headers={"last-event-id": "2"}).text)
    assert [number for _, number, _ in resumed] == ["3", "end"]
    nothing_left = ask(f"/jobs/{job_id}/events/", headers={"last-event-id": "end"})
    assert (nothing_left.status_code, nothing_left.text) == (204, "")
    assert error_of(ask("/jobs/99/events/"))[:2] == (404, "job_not_found")


def test_open_streams_are_limited_and_end_with_their_job():
    """Sixteen from one address; none of them holds a thread, of which there are fewer here."""
    job_id = add("running", started_at=datetime.now(UTC))

    async def follow() -> tuple[list[int], int, list[str]]:
        transport = httpx.ASGITransport(create_api(), client=("192.0.2.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://api", timeout=PATIENCE_SECONDS) as client:
            path, streams = f"/jobs/{job_id}/events/", get_services().limits.streams
            open_streams = [asyncio.create_task(client.get(path)) for _ in range(16)]
            while streams.depth().running < 16:
                await asyncio.sleep(0.01)
            refused = await client.get(path)
            assert refused.headers["retry-after"] == "2"
            await asyncio.to_thread(end, job_id)
            answers = await asyncio.gather(*open_streams)
            assert streams.depth().running == 0
            return [answer.status_code for answer in answers], refused.status_code, [one.text for one in answers]

    statuses, refused, texts = asyncio.run(follow())
    assert (statuses, refused) == ([200] * 16, 429)
    assert all([event for event, _, _ in messages(text)][-1] == "end" for text in texts)


def test_a_stream_ends_when_its_key_is_revoked(demo_settings: Configure):
    """It is the key that is asked for again, not the job, which goes on."""
    demo_settings(sign_in="openid")
    with process_acts_as(terminal_viewer()):
        job_id = add("running", started_at=datetime.now(UTC))
        key = services_of_process().api_keys.create("CRM sync", ["viewer"]).secret

    def revoke() -> None:
        with acting_as(terminal_viewer()):
            services_of_process().api_keys.revoke(key.split("_")[1])

    async def follow() -> str:
        transport, headers = httpx.ASGITransport(create_api()), {"authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client:
            stream = asyncio.create_task(client.get(f"/jobs/{job_id}/events/"))
            while services_of_process().limits.streams.depth().running < 1:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(revoke)
            return (await asyncio.wait_for(stream, PATIENCE_SECONDS)).text

    *_, (event, _, reason) = messages(asyncio.run(follow()))
    assert (event, reason["error"]) == ("refused", "not_allowed")


def test_no_such_job(ask: Ask):
    for path, method in (("/jobs/99/", "GET"), ("/jobs/99/", "DELETE"), ("/jobs/99/cancel/", "POST")):
        assert error_of(ask(path, method))[:2] == (404, "job_not_found")
    assert error_of(ask("/jobs/x/"))[:2] == (422, "bad_request")
