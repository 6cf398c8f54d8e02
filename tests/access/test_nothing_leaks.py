"""No route and no page shows a viewer a customer out of scope, or personal data that they may not see."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from loyalty_core.access import ROLES, Scope, Viewer, acting_as, process_acts_as, terminal_viewer
from loyalty_core.api import create_api
from loyalty_core.ml.scoring import score_base
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import get_services
from loyalty_core.ui.navigation import CUSTOMER_PARAMETER, CUSTOMERS, SCREENS, SEGMENTS
from tests.workbench import GUIDE_CUSTOMER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

    from tests.fixtures.api import Ask
    from tests.fixtures.screens import OpenScreen
    from tests.workbench import Configure

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
        connection.execute("DROP VIEW customer_features_view; ALTER TABLE few RENAME TO customer_features_view")
    configure(dwh_url=f"duckdb:///{file}", ml_mock_mode=True, sign_in="openid")
    with process_acts_as(terminal_viewer()):
        services = get_services()
        services.prepare_store()
        score_base(services.warehouse, services.inference.served())
        for name, rule in (("Rich", RICH), ("Personal", ON_PERSONAL_DATA)):
            created = services.segmentation.create(SegmentDraft(name, rule), actor="ann")
            services.segmentation.refresh(created.id)
        yield {"!=": [{"var": "country"}, "Canaryville"]}


def paths() -> list[str]:
    """Every route that answers GET, for a customer in scope and one outside, and for each segment."""
    values = {"job_id": ["1"], "version": ["none"], "segment_id": ["rich", "personal"]}
    values["customer_id"] = [GUIDE_CUSTOMER, OUTSIDER]
    queries = {"/dwh/customers/": "?q=canary", "/segments/{segment_id}/versions/compare/": "?first=1&second=1"}
    found = []
    for path, operations in create_api().openapi()["paths"].items():
        if "get" in operations:
            filled = [path + queries.get(path, "")]
            for name in re.findall(r"{(\w+)}", path):
                filled = [one.replace(f"{{{name}}}", value) for one in filled for value in values[name]]
            found += filled
    return found


def test_no_route_shows_a_canary(scope: Any, ask: Ask):
    everything = paths()
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


VIEWS = (
    *((screen, {}) for screen in SCREENS),
    (CUSTOMERS, {CUSTOMER_PARAMETER: GUIDE_CUSTOMER}),
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
        assert not app.exception, (screen.title, parameters)
        sent = everything_sent(app)
        assert b"Sign out" in sent, "nobody is signed in"
        found = [one for one in (*CANARIES, "987654321") if one.encode() in sent]
        assert found == [], (screen.title, parameters)
        assert OUTSIDER in parameters.values() or OUTSIDER.encode() not in sent, (screen.title, parameters)
    monkeypatch.setattr("loyalty_core.ui.sign_in.session_viewer", lambda: Viewer("ann", frozenset(ROLES)))
    sent = everything_sent(open_screen(CUSTOMERS, **{CUSTOMER_PARAMETER: OUTSIDER}))
    assert all(one.encode() in sent for one in CANARIES[:3])


def everything_sent(app: AppTest) -> bytes:
    """Whatever the browser gets of a page: texts, tables and charts."""
    parts = [part for root in (app.main, app.sidebar) for part in root]
    protos = (getattr(part, "proto", None) for part in parts)
    return b"".join(proto.SerializeToString() for proto in protos if proto is not None)
