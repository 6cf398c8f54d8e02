"""Campaigns over HTTP: saved, started, tried, run and measured."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.access import Action, Scope, Viewer, acting_as
from loyalty_core.jobs import JobQueue
from loyalty_core.services import get_services
from loyalty_core.store.campaigns import CampaignRunRecord
from loyalty_core.store.messages import OutboxRecord
from tests.campaigns.programme import definition
from tests.fixtures.api import NORWAY, RICH, Ask, create, error_of
from tests.fixtures.jobs import NO_WORK, see_off

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.workbench import Configure


@pytest.fixture(autouse=True)
def _demo(demo_settings: Configure) -> Iterator[None]:
    services = get_services()
    services.jobs = JobQueue(services.store, module=NO_WORK)
    yield
    see_off()


def vip(ask: Ask, **parts: Any) -> dict[str, Any]:
    """A new campaign for the members of a segment."""
    create(ask, "Rich", RICH)
    content = definition(audience={"segment": "rich"}, channels={"use": ["log"]}, **parts).to_json()
    answer = ask("/campaigns/", "POST", {"name": "VIP", "definition": content})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_campaign_is_created_changed_and_deleted(ask: Ask):
    saved = vip(ask)
    assert (saved["id"], saved["version"], saved["state"], saved["missing"]) == ("vip", 1, "draft", [])
    read = ask("/campaigns/vip/")
    assert read.json() == saved
    assert ask("/campaigns/vip/", headers={"If-None-Match": read.headers["etag"]}).status_code == 304
    assert ask("/campaigns/?state=draft").json() == {"campaigns": [saved]}
    assert ask("/campaigns/?state=running&page=1").json()["count"] == 0
    part = {"definition": {"holdout": {"share": 20}}}
    assert ask("/campaigns/vip/", "PATCH", part, {"If-Match": '"other"'}).status_code == 412
    changed = ask("/campaigns/vip/", "PATCH", part, {"If-Match": read.headers["etag"]}).json()
    assert (changed["version"], changed["definition"]["holdout"]) == (2, {"share": 20.0})
    assert changed["definition"]["audience"] == saved["definition"]["audience"]
    again = {"name": "VIP", "definition": saved["definition"], "version": 1}
    assert error_of(ask("/campaigns/vip/", "PUT", again))[:2] == (409, "campaign_changed")
    assert [one["number"] for one in ask("/campaigns/vip/versions/").json()["versions"]] == [2, 1]
    assert ask("/campaigns/vip/restore/", "POST", {"version": 1}).json()["definition"] == saved["definition"]
    assert ask("/campaigns/vip/", "DELETE").status_code == 204
    assert error_of(ask("/campaigns/vip/"))[:2] == (404, "campaign_not_found")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"name": "VIP", "definition": {"audience": {"segment": "nobody"}}}, 422, "There is no segment “nobody”"),
        ({"name": "VIP", "definition": {"frequency": {"campaign": {"messages": 0, "days": 1}}}}, 422, "leave it empty"),
        ({"name": " "}, 422, "blank"),
    ],
)
def test_what_cannot_be_saved_is_refused_with_the_reason(ask: Ask, body: Any, status: int, words: str):
    found, _, detail = error_of(ask("/campaigns/", "POST", body))
    assert found == status
    assert words in detail


def test_a_campaign_is_started_paused_and_ended(ask: Ask):
    vip(ask)
    assert ask("/campaigns/vip/start/", "POST").json()["state"] == "running"
    assert error_of(ask("/campaigns/vip/start/", "POST"))[:2] == (409, "campaign_state")
    assert error_of(ask("/segments/rich/", "DELETE"))[:2] == (409, "segment_in_use")
    assert ask("/campaigns/vip/pause/", "POST").json()["state"] == "paused"
    assert ask("/campaigns/vip/activate/", "POST").json()["state"] == "running"
    assert ask("/campaigns/vip/end/", "POST").json()["state"] == "ended"


def test_a_text_that_cannot_be_filled_in_is_refused_at_the_start(ask: Ask):
    texts = {"log": {"body": "Hello {{ customer.nam }}"}}
    vip(ask, variants=[{"name": "A", "share": 100, "messages": texts}])
    status, code, detail = error_of(ask("/campaigns/vip/start/", "POST"))
    assert (status, code) == (422, "bad_template")
    assert "customer.nam" in detail


def test_whoever_may_not_approve_gets_403_until_somebody_has(demo_settings: Configure, ask: Ask):
    vip(ask)
    demo_settings(sign_in="openid")
    actions = frozenset({Action.VIEW, Action.EDIT_CAMPAIGNS, Action.RUN_CAMPAIGNS})
    with acting_as(Viewer("ann", frozenset({"runner"}), granted=actions)):
        assert error_of(ask("/campaigns/vip/start/", "POST"))[:2] == (403, "approval_needed")
        assert ask("/campaigns/vip/submit/", "POST").json()["state"] == "awaiting_approval"
        assert error_of(ask("/campaigns/vip/approve/", "POST", {}))[:2] == (403, "not_allowed")
    with acting_as(Viewer("bob", frozenset({"analyst"}))):
        approved = ask("/campaigns/vip/approve/", "POST", {"version": 1}).json()
    assert approved["approved_version"] == 1


def test_the_waterfall_is_that_of_the_dry_run(ask: Ask):
    saved = vip(ask, holdout={"share": 30})
    found = ask("/campaigns/vip/waterfall/").json()
    lines = ask("/campaigns/vip/dry-run/").text.strip().splitlines()
    assert lines[0] == '"customer_id","gets_a_message","outcome","variant","offer_id","channel","due_at"'
    assert len(lines) - 1 == found["audience"] > 0
    assert sum(',true,"Gets a message","A",' in line for line in lines) == found["to_send"] > 0
    held = next(step["removed"] for step in found["steps"] if step["reason"] == "holdout")
    assert sum('"Holdout"' in line for line in lines) == held > 0
    tried = ask("/campaigns/waterfall/", "POST", {"definition": saved["definition"]}).json()
    assert tried["audience"] == found["audience"]


def test_a_run_is_accepted_once_at_a_time(ask: Ask, configure: Configure):
    vip(ask)
    assert error_of(ask("/campaigns/vip/run/", "POST"))[:2] == (409, "campaign_state")
    ask("/campaigns/vip/start/", "POST")
    answer = ask("/campaigns/vip/run/", "POST")
    assert (answer.status_code, answer.json()["status"]) == (202, "waiting")
    assert error_of(ask("/campaigns/vip/run/", "POST"))[:2] == (409, "campaign_state")
    (run,) = ask("/campaigns/vip/runs/").json()["runs"]
    with get_services().store.session() as session:
        stored = session.get(CampaignRunRecord, run["id"])
        assert stored is not None
        stored.counts = {"audience": 3}
    assert ask("/campaigns/vip/runs/").json()["runs"][0]["counts"] == {"audience": 3}
    assert ask(f"/jobs/{run['job_id']}/").json()["kind"] == "campaign"
    (execution,) = ask("/campaignExecutions/?campaign=vip&page=1").json()["results"]
    assert (execution["id"], execution["total_sent"]) == (f"vip:run:{run['id']}", 0)
    results = ask("/campaigns/vip/performance/").json()
    assert (results["total_sent"], results["effect"]["verdict"][:21]) == (0, "There is no holdout, ")
    configure(sign_in="openid")
    with acting_as(Viewer("kari", frozenset({"viewer"}), Scope.of(NORWAY))):  # the counts are those of all customers
        assert [one["counts"] for one in ask("/campaigns/vip/runs/").json()["runs"]] == [None]


def test_the_outbox_is_filtered_and_says_what_messages_wait_for(ask: Ask):
    now = datetime.now(UTC)
    with get_services().store.session() as session:
        for number, (customer, channel) in enumerate([("C1", "log"), ("C2", "log"), ("C1", "webhook")], start=1):
            message = OutboxRecord(
                campaign_id="vip",
                entry_id=number,
                customer_id=customer,
                channel=channel,
                key=f"key-{number}",
                version=1,
                queued_at=now,
                due_at=now,
                status="waiting" if channel == "webhook" else "failed",
                attempts=0,
                is_simulated=False,
            )
            session.add(message)

    def found(query: str) -> set[str]:
        return {one["key"] for one in ask(f"/outbox/?{query}").json()["messages"]}

    assert found("") == {"key-1", "key-2", "key-3"}
    assert found("customer_id=C1") == {"key-1", "key-3"}
    assert found("channel=log&customer_id=C1") == {"key-1"}
    assert found("channel=log&status=waiting") == set()
    (waiting,) = ask("/outbox/?status=waiting").json()["messages"]
    assert waiting["waits_for"] == "channel"
    assert waiting["channel_problem"].startswith("The webhook cannot be used: WEBHOOK_URL and WEBHOOK_SECRET are not")
    (failed,) = ask("/outbox/?customer_id=C2").json()["messages"]
    assert (failed["waits_for"], failed["channel_problem"]) == (None, None)
