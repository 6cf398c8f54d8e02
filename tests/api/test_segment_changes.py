"""Partial changes of segments, several rules, the flags of clients that have them, and versions compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.services import get_services
from tests.fixtures.api import NORWAY, RICH, create, error_of
from tests.segments.scored import segment
from tests.workbench import DEMO_CUSTOMERS, Query

if TYPE_CHECKING:
    from tests.fixtures.api import Ask

pytestmark = pytest.mark.usefixtures("scored_settings")


def test_only_the_given_parts_change(ask: Ask):
    create(ask, "Rich", RICH, description="Old", tags=["a"])
    changed = ask("/segments/rich/", "PATCH", {"tags": ["b", "c"]}).json()
    assert (changed["version"], changed["tags"]) == (2, ["b", "c"])
    assert (changed["rule"], changed["description"]) == (RICH, "Old")
    changed = ask("/segments/rich/", "PATCH", {"name": "Rich people", "rule": NORWAY, "version": 2}).json()
    assert (changed["version"], changed["name"], changed["rule"]) == (3, "Rich people", NORWAY)
    assert changed["tags"] == ["b", "c"]
    assert ask("/segments/rich/", "PATCH", {}).json()["version"] == 3
    assert error_of(ask("/segments/rich/", "PATCH", {"tags": [], "version": 2}))[:2] == (409, "segment_changed")
    for body in ({"owner": "me"}, {"name": None}, {"rule": {}, "rules": [{"rule": RICH}]}):
        assert error_of(ask("/segments/rich/", "PATCH", body))[:2] == (422, "bad_request")
    assert ask("/segments/rich/", "PATCH", {"rule": {">": [{"var": "nope"}, 1]}}).json()["error"] == "bad_rule"
    assert error_of(ask("/segments/nope/", "PATCH", {"tags": []}))[:2] == (404, "segment_not_found")
    assert ask("/segments/rich/").json()["version"] == 3


def test_a_partial_change_can_depend_on_what_was_read(ask: Ask):
    create(ask, "Rich", RICH)
    tag = ask("/segments/rich/").headers["etag"]
    changed = ask("/segments/rich/", "PATCH", {"tags": ["a"]}, headers={"If-Match": tag})
    assert (changed.status_code, changed.headers["etag"]) == (200, ask("/segments/rich/").headers["etag"])
    stale = ask("/segments/rich/", "PATCH", {"tags": ["b"]}, headers={"If-Match": tag})
    assert error_of(stale)[:2] == (412, "precondition_failed")
    assert ask("/segments/rich/").json()["tags"] == ["a"]


@pytest.mark.parametrize(
    ("rules", "whole"),
    [
        ([RICH], RICH),
        ([RICH, NORWAY], {"and": [RICH, NORWAY]}),
        ([RICH, {}, NORWAY, None], {"and": [RICH, NORWAY]}),
        ([{}], {}),
    ],
)
def test_a_list_of_rules_is_all_of_them_together(ask: Ask, rules: list[Any], whole: Any):
    body = {"rules": [{"name": f"Rule {number}", "rule": rule} for number, rule in enumerate(rules)]}
    assert create_with(ask, "Several", body)["rule"] == whole
    preview = ask("/segments/preview/", "POST", body).json()
    assert preview == ask("/segments/evaluate/", "POST", {"rule": whole}).json()


def create_with(ask: Ask, name: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = ask("/segments/", "POST", {"name": name, **body})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_an_empty_list_of_rules_is_refused(ask: Ask):
    for method, path in (("POST", "/segments/"), ("POST", "/segments/preview/")):
        status, code, detail = error_of(ask(path, method, {"name": "Nobody", "rules": []}))
        assert (status, code) == (422, "bad_request")
        assert detail.startswith("rules: There is no rule in the list.")


def test_a_segment_that_is_not_active_is_archived(ask: Ask):
    assert create_with(ask, "Draft", {"rule": RICH, "is_active": False})["is_active"] is False
    create(ask, "Used", RICH)
    create(ask, "User", segment("used"))

    def names(query: str) -> list[str]:
        return [one["name"] for one in ask(f"/segments/{query}").json()]

    assert names("?is_active=false") == ["Draft"]
    assert names("?is_active=true") == ["Used", "User"]
    assert ask("/segments/draft/", "PATCH", {"is_active": True}).json()["archived_at"] is None
    answer = ask("/segments/used/", "PATCH", {"is_active": False, "description": "Gone"})
    assert error_of(answer)[:2] == (409, "segment_in_use")
    used = ask("/segments/used/").json()
    assert (used["is_active"], used["description"], used["version"]) == (True, "", 1)


def test_a_fixed_list_of_customers_is_refused(ask: Ask):
    status, code, detail = error_of(ask("/segments/", "POST", {"name": "Fixed", "rule": RICH, "is_dynamic": False}))
    assert (status, code) == (422, "bad_request")
    assert detail.startswith("is_dynamic: Members are always computed from the rule.")
    create(ask, "Rich", RICH)
    assert error_of(ask("/segments/rich/", "PATCH", {"is_dynamic": False}))[0] == 422


def test_pages_by_number(ask: Ask):
    for name in "ABC":
        create(ask, name, RICH)
    first = ask("/segments/?page=1&page_size=2").json()
    assert ([one["id"] for one in first["results"]], first["count"], first["previous"]) == (["a", "b"], 3, None)
    assert first["next"] == "http://api/segments/?page_size=2&page=2"
    second = ask("/segments/?page=2&page_size=2").json()
    assert ([one["id"] for one in second["results"]], second["next"]) == (["c"], None)
    assert second["previous"] == "http://api/segments/?page_size=2&page=1"
    missing = error_of(ask("/segments/?page=3&page_size=2"))
    assert missing == (404, "not_found", "There is no page 3; the last one is 2.")
    assert error_of(ask("/segments/?page=0"))[:2] == (422, "bad_request")


def test_two_versions_are_compared(ask: Ask, sql: Query):
    [(rich, norwegians, both)] = sql(
        "SELECT count(*) FILTER (total_revenue > 800), count(*) FILTER (country = 'Norway'), "
        "count(*) FILTER (total_revenue > 800 AND country = 'Norway') FROM customers"
    )
    create(ask, "Rich", RICH)
    ask("/segments/rich/", "PATCH", {"rule": NORWAY, "name": "Norwegians"})
    found = ask("/segments/rich/versions/compare/?from=1&to=2").json()
    assert (found["from"]["number"], found["to"]["rule"]) == (1, NORWAY)
    assert found["changes"] == ["Name changed from “Rich” to “Norwegians”.", "Rule changed."]
    assert found["customers"] == {"both": both, "only_from": rich - both, "only_to": norwegians - both}
    same = ask("/segments/rich/versions/compare/?from=2&to=2").json()
    assert (same["changes"], same["customers"]) == ([], {"both": norwegians, "only_from": 0, "only_to": 0})
    assert error_of(ask("/segments/rich/versions/compare/?from=1&to=9"))[:2] == (404, "segment_not_found")
    assert error_of(ask("/segments/rich/versions/compare/?from=1"))[:2] == (422, "bad_request")


def test_everyone_is_compared_with_a_rule(ask: Ask, sql: Query):
    [(rich,)] = sql("SELECT count(*) FROM customers WHERE total_revenue > 800")
    create(ask, "Everyone", {})
    ask("/segments/everyone/", "PATCH", {"rule": RICH})
    found = ask("/segments/everyone/versions/compare/?from=1&to=2").json()["customers"]
    assert found == {"both": rich, "only_from": DEMO_CUSTOMERS - rich, "only_to": 0}


def test_some_customers_are_computed_alone(ask: Ask, sql: Query):
    ids = [one for (one,) in sql("SELECT customer_id FROM customers WHERE total_revenue > 800 ORDER BY 1 LIMIT 3")]
    [(poor,)] = sql("SELECT min(customer_id) FROM customers WHERE total_revenue < 800")
    [(rich,)] = sql("SELECT count(*) FROM customers WHERE total_revenue > 800")
    create(ask, "Rich", RICH)
    body = {"customer_ids": [*ids, poor, "nobody"]}
    assert error_of(ask("/segments/rich/calculate/", "POST", body))[:2] == (409, "segment_not_computed")
    whole = ask("/segments/rich/calculate/", "POST").json()
    assert (whole["added"], whole["removed"], whole["total"], whole["unknown"]) == (rich, 0, rich, [])

    members = get_services().segments
    members.change_member("rich", ids[0], belongs=False)
    members.change_member("rich", poor, belongs=True)
    found = ask("/segments/rich/calculate/", "POST", body).json()
    assert (found["added"], found["removed"], found["total"], found["unknown"]) == (1, 1, rich, ["nobody"])
    assert [members.is_member("rich", one) for one in (*ids, poor)] == [True, True, True, False]
    assert ask("/segments/rich/calculate/", "POST", body).json()["added"] == 0

    ask("/segments/rich/", "PATCH", {"rule": NORWAY})
    assert error_of(ask("/segments/rich/calculate/", "POST", body))[:2] == (409, "segment_not_computed")


def test_sizes_page_by_page(ask: Ask, sql: Query):
    create(ask, "Rich", RICH)
    assert ask("/segments/rich/metrics/").json()["total_members"] is None
    sizes = [ask("/segments/rich/refresh/", "POST").json() for _ in range(5)][::-1]
    metrics = ask("/segments/rich/metrics/").json()
    assert metrics["total_members"] == metrics["snapshots"][0]["total_members"] == sizes[0]["customers"]
    assert (metrics["share"], metrics["is_stale"]) == (sizes[0]["customers"] / DEMO_CUSTOMERS, False)

    first = ask("/segments/rich/snapshots/?limit=2").json()
    ask("/segments/rich/refresh/", "POST")  # what is added before a page moves nothing on the next
    second = ask(f"/segments/rich/snapshots/?limit=2&cursor={first['next_cursor']}").json()
    third = ask(f"/segments/rich/snapshots/?limit=2&cursor={second['next_cursor']}").json()
    seen = [one["at"] for page in (first, second, third) for one in page["snapshots"]]
    assert seen == [size["at"] for size in sizes]
    assert third["next_cursor"] is None
    assert error_of(ask("/segments/rich/snapshots/?cursor=nonsense"))[:2] == (422, "bad_cursor")
