"""Offer policies over HTTP: as the Next best offer screen saves and tries them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.access import Viewer, acting_as
from loyalty_core.services import get_services
from loyalty_core.store import audit
from tests.fixtures.api import NORWAY, Ask, create, error_of
from tests.workbench import DEMO_CUSTOMERS

if TYPE_CHECKING:
    from tests.workbench import Configure, Query

TERMS = {"lever": 1.5, "value": 12.0, "cap": 100, "rule": NORWAY}
NEUTRAL = {"lever": 1.0, "value": 1.0, "cap": None, "rule": {}}


def spring(ask: Ask, **terms: Any) -> dict[str, Any]:
    """A new policy with terms for offer 1."""
    answer = ask("/policies/", "POST", {"name": "Spring", "offers": {"1": terms}})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_policy_is_created_read_and_deleted(demo_settings: Configure, ask: Ask):
    saved = spring(ask, **TERMS)
    assert (saved["id"], saved["version"], saved["offers"]) == ("spring", 1, {"1": TERMS})
    assert ask("/policies/spring/").json() == saved
    assert ask("/policies/").json() == {"policies": [saved]}
    assert get_services().policies.get("spring").policy.offers[1].cap == 100
    assert ask("/policies/spring/", "DELETE").status_code == 204
    assert error_of(ask("/policies/spring/"))[:2] == (404, "policy_not_found")
    with get_services().store.session(read_only=True) as session:
        events = audit.recent(session, subject_kind="offer policy")
        assert [(event.action, event.subject_id) for event in events] == [("deleted", "spring"), ("created", "spring")]


def test_terms_that_are_left_out_are_neutral_in_a_new_policy(demo_settings: Configure, ask: Ask):
    assert spring(ask)["offers"] == {"1": NEUTRAL}


def test_the_next_version_has_only_what_is_sent(demo_settings: Configure, ask: Ask):
    spring(ask, **TERMS)
    second = ask("/policies/spring/", "PUT", {"offers": {"2": {"value": 3}}, "version": 1})
    assert (second.status_code, second.json()["version"]) == (200, 2)
    assert second.json()["offers"] == {"2": {**NEUTRAL, "value": 3.0}}
    late = ask("/policies/spring/", "PUT", {"offers": {}, "version": 1})
    assert error_of(late)[:2] == (409, "policy_changed")
    versions = ask("/policies/spring/versions/").json()["versions"]
    assert [(one["number"], list(one["offers"])) for one in versions] == [(2, ["2"]), (1, ["1"])]


def test_a_change_leaves_other_terms_as_they_are(demo_settings: Configure, ask: Ask):
    spring(ask, **TERMS)
    changed = ask("/policies/spring/", "PATCH", {"offers": {"1": {"cap": None}, "4": {"lever": 0}}}).json()
    assert changed["offers"] == {"1": {**TERMS, "cap": None}, "4": {**NEUTRAL, "lever": 0.0}}
    late = ask("/policies/spring/", "PATCH", {"offers": {}, "version": 1})
    assert error_of(late)[:2] == (409, "policy_changed")


def test_changes_can_be_tied_to_what_was_read(demo_settings: Configure, ask: Ask):
    spring(ask, **TERMS)
    read = ask("/policies/spring/")
    tag = {"If-Match": read.headers["etag"]}
    assert ask("/policies/spring/", headers={"If-None-Match": read.headers["etag"]}).status_code == 304
    changed = ask("/policies/spring/", "PATCH", {"offers": {"1": {"lever": 2}}}, tag)
    assert changed.headers["etag"] == ask("/policies/spring/").headers["etag"] != read.headers["etag"]
    for method, body in (("PUT", {"offers": {}, "version": 2}), ("PATCH", {"offers": {}}), ("DELETE", None)):
        assert error_of(ask("/policies/spring/", method, body, tag))[:2] == (412, "precondition_failed")


@pytest.mark.parametrize(
    ("terms", "status", "code"),
    [
        ({"lever": 6}, 422, "bad_policy"),
        ({"cap": -1}, 422, "bad_policy"),
        ({"lever": "1"}, 422, "bad_request"),
        ({"levers": 1}, 422, "bad_request"),
        ({"cap": True}, 422, "bad_request"),
    ],
)
def test_terms_that_cannot_be_used_are_refused(
    demo_settings: Configure, ask: Ask, terms: dict[str, Any], status: int, code: str
):
    answer = ask("/policies/", "POST", {"name": "Spring", "offers": {"1": terms}})
    assert error_of(answer)[:2] == (status, code)
    assert get_services().policies.list() == []


def test_rules_are_checked_and_names_are_unique(demo_settings: Configure, ask: Ask):
    rule = {"==": [{"var": "shoe_size"}, 42]}
    answer = ask("/policies/", "POST", {"name": "Spring", "offers": {"1": {"rule": rule}}})
    assert (answer.status_code, answer.json()["error"]) == (422, "bad_rule")
    spring(ask)
    again = ask("/policies/", "POST", {"name": "SPRING", "offers": {}})
    assert error_of(again)[:2] == (409, "policy_name_taken")


def test_who_may_look_may_not_change(demo_settings: Configure, ask: Ask):
    spring(ask)
    demo_settings(sign_in="openid")
    with acting_as(Viewer("bob", frozenset({"viewer"}))):
        assert ask("/policies/spring/").status_code == 200
        assert error_of(ask("/policies/spring/", "DELETE"))[:2] == (403, "not_allowed")


def test_a_policy_is_tried_without_being_saved(scored_settings: None, ask: Ask, query_demo: Query):
    create(ask, "Norwegians", NORWAY)
    ((norwegians,),) = query_demo("SELECT count(*) FROM customer_features_view WHERE country = 'Norway'")
    offers = {"1": {"value": 1, "cap": 10, "rule": NORWAY}}
    found = ask("/policies/evaluate/", "POST", {"offers": offers}).json()
    assert (found["customers"], found["after"]["1"]["customers"]) == (DEMO_CUSTOMERS, 10)
    assert found["without"]["not eligible"] + found["without"]["not scored"] == DEMO_CUSTOMERS - norwegians
    assert (found["without"]["at caps"], found["cutoffs"]["1"]["priority"] > 0) == (norwegians - 10, True)
    scoped = ask("/policies/evaluate/", "POST", {"offers": offers, "segment_id": "norwegians"}).json()
    assert scoped["customers"] == norwegians
    closed = ask("/policies/evaluate/", "POST", {"offers": {"1": {"cap": 0}}}).json()
    assert closed["cutoffs"] == {"1": {"priority": None}}
    assert get_services().policies.list() == []
    missing = ask("/policies/evaluate/", "POST", {"offers": {}, "segment_id": "nobody"})
    assert error_of(missing)[:2] == (404, "segment_not_found")
