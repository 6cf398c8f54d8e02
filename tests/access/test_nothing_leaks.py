"""No route and no page shows a viewer a customer out of scope, or personal data that they may not see."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import sqlalchemy as sa

from loyalty_core.access import ROLES, Scope, Viewer, acting_as, process_acts_as, terminal_viewer
from loyalty_core.events import BadEvent, Event, Inbox, Intake, Unreadable, Worker
from loyalty_core.events.effects import Effects
from loyalty_core.ml.scoring import score_base
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import get_services, services_of_process
from loyalty_core.ui.navigation import CUSTOMER_PARAMETER, CUSTOMERS, FLIGHT_RECORDER, OFFERS, SCREENS, SEGMENTS
from tests.workbench import GUIDE_CUSTOMER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI
    from streamlit.testing.v1 import AppTest

    from loyalty_core.services import Services
    from tests.fixtures.api import Ask
    from tests.fixtures.screens import OpenScreen
    from tests.workbench import Configure

pytestmark = pytest.mark.extended

OUTSIDER = "ZZ-OUTSIDER"
# What only a customer out of scope has, and the personal data of one in scope.
CANARIES = ("Canaryville", "Outside Canary", "outside@canary.example", "Inside Canary", "inside@canary.example")
ON_PERSONAL_DATA = {"==": [{"var": "email"}, "inside@canary.example"]}
RICH = {">": [{"var": "total_revenue"}, 1]}


@pytest.fixture
def scope(demo_warehouse: Path, configure: Configure, tmp_path: Path) -> Iterator[Any]:
    """A scored warehouse of a few hundred customers with the canaries, two segments, and the rule of a scope."""
    file = shutil.copy(demo_warehouse, tmp_path / "warehouse.duckdb")
    with duckdb.connect(str(file)) as connection:
        inside, outside = GUIDE_CUSTOMER, OUTSIDER
        connection.execute("CREATE TABLE few AS SELECT * FROM customer_features_view ORDER BY customer_id LIMIT 300")
        connection.execute("INSERT INTO few SELECT * FROM few WHERE customer_id = ?", [inside])
        connection.execute(
            "UPDATE few SET customer_id = ?, city = 'Canaryville', country = 'Canaryville', total_revenue = 987654321, "
            "full_name = 'Outside Canary', email = 'outside@canary.example' "
            "WHERE rowid = (SELECT max(rowid) FROM few)",
            [outside],
        )
        connection.execute(
            "UPDATE few SET full_name = 'Inside Canary', email = 'inside@canary.example' WHERE customer_id = ?",
            [inside],
        )
        connection.execute("UPDATE offers SET name = 'Coffee' WHERE offer_id IN (1, 2)")  # names may be alike
        connection.execute("DROP VIEW customer_features_view; ALTER TABLE few RENAME TO customer_features_view")
    configure(dwh_url=f"duckdb:///{file}", ml_mock_mode=True, sign_in="openid")
    with process_acts_as(terminal_viewer()):
        services = get_services()
        services.prepare_store()
        score_base(services.warehouse, services.inference.served())
        for name, rule in (("Rich", RICH), ("Personal", ON_PERSONAL_DATA)):
            created = services.segmentation.create(SegmentDraft(name, rule), actor="ann")
            services.segmentation.refresh(created.id)
        apply_events(services)
        yield {"!=": [{"var": "country"}, "Canaryville"]}


def apply_events(services: Services) -> None:
    """An event about each of the two customers, and a dead letter, with what must not be shown."""
    said = {"email": "inside@canary.example", "features": {"city": "Canaryville"}}
    both = enumerate((GUIDE_CUSTOMER, OUTSIDER))
    events = [Event("shop", str(n), "customer.updated", one, datetime.now(UTC), said) for n, one in both]
    letter = Unreadable("shop", None, "inside@canary.example", BadEvent("It is no event."))
    Intake(services.store, timedelta(0)).accept(events, [letter])
    assert Worker(services.store, Inbox(services.store), Effects(services)).apply_waiting() == 2


def paths(api: FastAPI) -> list[str]:
    """Every route that answers GET, for a customer in scope and one outside, and for each segment."""
    values = {"job_id": ["1"], "version": ["none"], "segment_id": ["rich", "personal"]}
    values |= {"event_id": ["1", "2"], "customer_id": [GUIDE_CUSTOMER, OUTSIDER]}
    queries = {"/dwh/customers/": "?q=canary", "/segments/{segment_id}/versions/compare/": "?from=1&to=1"}
    found = []
    for path, operations in api.openapi()["paths"].items():
        if "get" in operations:
            filled = [path + queries.get(path, "")]
            for name in re.findall(r"{(\w+)}", path):
                filled = [one.replace(f"{{{name}}}", value) for one in filled for value in values.get(name, ["1"])]
            found += filled
    return found


def test_no_route_shows_a_canary(scope: Any, api: FastAPI, ask: Ask):
    everything = paths(api)
    with acting_as(Viewer("kari", frozenset({"viewer"}), Scope.of(scope))):
        answers = {path: ask(path) for path in everything}
        searched = ask("/dwh/customers/search/", "POST", {"q": "canary"})
    shown = {path: answer.text for path, answer in answers.items()} | {"search": searched.text}
    assert {path: one for path, text in shown.items() for one in CANARIES if one in text} == {}
    assert [path for path, text in shown.items() if OUTSIDER in text and OUTSIDER not in path] == []
    assert answers["/segments/rich/members/"].status_code == 200
    assert "987654321" not in "".join(shown.values())
    by_others = "".join(ask(path).text for path in (f"/customers/{GUIDE_CUSTOMER}/", f"/customers/{OUTSIDER}/"))
    assert [one for one in (*CANARIES, OUTSIDER, "987654321") if one not in by_others] == []


def bodies() -> dict[str, Any]:
    """Routes that answer POST with customers or figures of them."""
    ids = {"customer_ids": [GUIDE_CUSTOMER]}
    return {
        "/dwh/customers/search/": {"q": GUIDE_CUSTOMER[:8]},
        "/dwh/features/batch/": ids,
        **{f"/dwh/ml/{kind}/": ids for kind in ("churn", "nbo", "rfm")},
        "/segments/preview/": {"rule": {"==": [{"var": "customer_id"}, GUIDE_CUSTOMER]}},
        "/segments/evaluate/": {"rule": {"!=": [{"var": "customer_id"}, GUIDE_CUSTOMER]}},
        "/segments/rich/ml/predict/": {"type": "churn"},
        "/dwh/cache/invalidate/": ids,
    }


def test_no_route_shows_a_single_customer_where_small_groups_are_hidden(
    scope: Any, configure: Configure, api: FastAPI, ask: Ask
):
    configure(smallest_group_shown=20)
    everything = paths(api)
    with acting_as(Viewer("vera", frozenset({"viewer"}))):
        answers = {path: ask(path) for path in everything}
        answers |= {path: ask(path, "POST", body) for path, body in bodies().items()}
        preview = ask("/segments/preview/", "POST", {"rule": {}})
        features = ask(f"/dwh/features/{GUIDE_CUSTOMER}/")
    assert {path: answer.text for path, answer in answers.items() if answer.status_code == 500} == {}
    for path, answer in answers.items():
        assert answer.status_code == 403 or not answer.is_success or is_about_no_customer(answer.text), path
        assert "There is no such parameter" not in answer.text, path
    refused = {path: answer.json()["error"] for path, answer in answers.items() if answer.status_code == 403}
    assert refused["/segments/preview/"] == refused["/segments/evaluate/"] == "group_too_small"
    others = {"/segments/preview/", "/segments/evaluate/", "/dwh/cache/invalidate/"}
    assert {refused[path] for path in bodies().keys() - others} == {"groups_only"}
    assert refused["/segments/rich/members/"] == features.json()["error"] == "groups_only"
    assert (preview.json()["customers"], preview.json()["funnel"]) == (301, [])
    assert answers["/segments/personal/"].json()["fewer_than"] == 20


def is_about_no_customer(text: str) -> bool:
    ids = services_of_process().warehouse.rows(sa.text("SELECT customer_id FROM customer_features_view"))
    return not any(row["customer_id"] in text for row in ids)


VIEWS = (
    *((screen, {}) for screen in SCREENS),
    (CUSTOMERS, {CUSTOMER_PARAMETER: GUIDE_CUSTOMER}),
    (CUSTOMERS, {CUSTOMER_PARAMETER: GUIDE_CUSTOMER, "view": "Story"}),
    *((FLIGHT_RECORDER, {"event": event}) for event in ("1", "2")),
    (FLIGHT_RECORDER, {"view": "Dead letters"}),
    (CUSTOMERS, {CUSTOMER_PARAMETER: OUTSIDER}),
    *((SEGMENTS, {"segment": "rich", "tab": tab}) for tab in ("Rule", "Members", "Profile", "Sizes", "Versions")),
    *((SEGMENTS, {"segment": "personal", "tab": tab}) for tab in ("Rule", "Members", "Versions")),
    (SEGMENTS, {"edit": "rich"}),
)


def test_no_page_shows_a_canary(scope: Any, open_screen: OpenScreen, monkeypatch: pytest.MonkeyPatch):
    kari = Viewer("kari", frozenset({"viewer"}), Scope.of(scope))
    monkeypatch.setattr("loyalty_core.ui.sign_in.session_viewer", lambda: kari)
    for screen, parameters in VIEWS:
        app = open_screen(screen, **parameters)
        assert not broken(app), (screen.title, parameters)
        sent = everything_sent(app)
        assert b"Sign out" in sent, "nobody is signed in"
        assert screen != OFFERS or b"Coffee (1)" in sent
        found = [one for one in (*CANARIES, "987654321") if one.encode() in sent]
        assert found == [], (screen.title, parameters)
        assert OUTSIDER in parameters.values() or OUTSIDER.encode() not in sent, (screen.title, parameters)
    monkeypatch.setattr("loyalty_core.ui.sign_in.session_viewer", lambda: Viewer("ann", frozenset(ROLES)))
    assert b"Coffee (1)" in everything_sent(open_screen(OFFERS))
    sent = everything_sent(open_screen(CUSTOMERS, **{CUSTOMER_PARAMETER: OUTSIDER}))
    assert all(one.encode() in sent for one in CANARIES[:3])


def test_no_page_shows_a_single_customer_where_small_groups_are_hidden(
    scope: Any, configure: Configure, open_screen: OpenScreen, monkeypatch: pytest.MonkeyPatch
):
    configure(smallest_group_shown=20)
    vera = Viewer("vera", frozenset({"viewer"}))
    monkeypatch.setattr("loyalty_core.ui.sign_in.session_viewer", lambda: vera)
    for screen, parameters in VIEWS:
        app = open_screen(screen, **parameters)
        assert not broken(app), (screen.title, parameters)
        sent = everything_sent(app).decode(errors="replace")
        assert screen.section == "Administer" or "No small groups" in sent
        assert is_about_no_customer(sent.replace(parameters.get(CUSTOMER_PARAMETER, "-"), "")), (
            screen.title,
            parameters,
        )


def broken(app: AppTest) -> bool:
    return bool(app.exception) or any("Something went wrong" in error.value for error in app.error)


def everything_sent(app: AppTest) -> bytes:
    """Whatever the browser gets of a page: texts, tables and charts."""
    parts = [part for root in (app.main, app.sidebar) for part in root]
    protos = (getattr(part, "proto", None) for part in parts)
    return b"".join(proto.SerializeToString() for proto in protos if proto is not None)
