"""The RFM map over HTTP: as the RFM screen edits it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.rfm import segment_in_use
from loyalty_core.services import get_services
from loyalty_core.settings import get_settings
from loyalty_core.store import audit
from tests.fixtures.api import Ask, error_of
from tests.workbench import DEMO_CUSTOMERS

if TYPE_CHECKING:
    from tests.workbench import Configure

MAP = "/rfm/map/"
RISING = {"cells": {"545": "Rising"}, "texts": {"Rising": {"meaning": "Buy more.", "advice": "Offer membership."}}}


def test_before_the_first_the_built_in_map_is_in_use(demo_settings: Configure, ask: Ask):
    found = ask(MAP).json()
    assert (found["version"], found["is_default"], found["saved_at"], found["cut_points"]) == (0, True, None, {})
    assert (len(found["cells"]), found["cells"]["555"], found["cells"]["111"]) == (125, "Champions", "Lost")
    assert ask(f"{MAP}versions/").json() == {"versions": []}


def test_a_map_is_saved_changed_and_reset(demo_settings: Configure, ask: Ask):
    saved = ask(MAP, "PUT", {**RISING, "cut_points": {"recency": [10, 30, 60, 120]}, "version": 0})
    assert saved.status_code == 200, saved.text
    assert (saved.json()["cells"]["545"], saved.json()["cells"]["555"]) == ("Rising", "Champions")
    assert segment_in_use(get_settings(), "Rising").advice == "Offer membership."
    late = ask(MAP, "PUT", {"version": 0})
    assert error_of(late)[:2] == (409, "rfm_map_changed")
    changed = ask(MAP, "PATCH", {"cut_points": {"recency": None, "monetary": [1, 2.5, 3, 4]}}).json()
    assert (changed["version"], changed["cells"]["545"]) == (2, "Rising")
    assert changed["cut_points"] == {"monetary": [1.0, 2.5, 3.0, 4.0]}
    assert changed["texts"] == RISING["texts"]
    assert ask(MAP, "DELETE").status_code == 204
    versions = ask(f"{MAP}versions/").json()["versions"]
    assert [(one["version"], one["is_default"]) for one in versions] == [(3, True), (2, False), (1, False)]
    assert versions[1] == changed
    with get_services().store.session(read_only=True) as session:
        assert [event.action for event in audit.recent(session, subject_kind="rfm map")] == [
            "reset", "updated", "updated",
        ]  # fmt: skip


def test_changes_can_be_tied_to_what_was_read(demo_settings: Configure, ask: Ask):
    read = ask(MAP).headers["etag"]
    assert ask(MAP, headers={"If-None-Match": read}).status_code == 304
    changed = ask(MAP, "PATCH", RISING, {"If-Match": read})
    assert changed.headers["etag"] == ask(MAP).headers["etag"] != read
    for method, body in (("PUT", {"version": 1}), ("PATCH", RISING), ("DELETE", None)):
        assert error_of(ask(MAP, method, body, {"If-Match": read}))[:2] == (412, "precondition_failed")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"cells": {"556": "Rising"}}, "bad_request"),
        ({"cells": {"555": ""}}, "bad_request"),
        ({"cells": {"555": "champions", "554": "Champions"}}, "bad_rfm_map"),
        ({"cells": {"555": "No purchases"}}, "bad_rfm_map"),
        ({"texts": {"Unknown": {"meaning": "?"}}}, "bad_rfm_map"),
        ({"cut_points": {"recency": [4, 3, 2, 1]}}, "bad_rfm_map"),
        ({"cut_points": {"recency": [1, 2, 3]}}, "bad_request"),
        ({"cut_points": {"revenue": [1, 2, 3, 4]}}, "bad_request"),
    ],
)
def test_what_cannot_be_used_is_refused(demo_settings: Configure, ask: Ask, body: dict[str, Any], code: str):
    assert error_of(ask(MAP, "PATCH", body))[:2] == (422, code)
    assert get_services().rfm_maps.newest() is None


def test_a_change_is_counted_without_being_saved(demo_settings: Configure, ask: Ask):
    renamed = {code: "Best" for code, name in ask(MAP).json()["cells"].items() if name == "Champions"}
    found = ask(f"{MAP}preview/", "POST", {"cells": renamed}).json()
    sizes = {one["name"]: (one["before"], one["after"]) for one in found["sizes"]}
    assert (found["customers"], found["other_score"]) == (DEMO_CUSTOMERS, 0)
    assert sizes["Champions"] == (found["other_segment"], 0)
    assert sizes["Best"] == (0, found["other_segment"])
    assert found["other_segment"] > 0
    assert get_services().rfm_maps.newest() is None
