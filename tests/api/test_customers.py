"""Customers page after page, and one customer as the customer page has it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.services import get_services
from tests.fixtures.api import NORWAY, RICH, create, error_of
from tests.workbench import DEMO_CUSTOMERS, GUIDE_CUSTOMER, Configure, Query

if TYPE_CHECKING:
    from tests.fixtures.api import Ask


def pages(ask: Ask, path: str, name: str, limit: int) -> list[Any]:
    """All rows of a list by cursor."""
    rows: list[Any] = []
    cursor = ""
    while cursor is not None:
        page = ask(f"{path}?limit={limit}&cursor={cursor}").json()
        rows, cursor = rows + page[name], page["next_cursor"]
    return rows


def test_every_customer_comes_once(demo_settings: Configure, ask: Ask, query_demo: Query):
    expected = [one for (one,) in query_demo("SELECT customer_id FROM customer_features_view ORDER BY customer_id")]
    assert [row["customer_id"] for row in pages(ask, "/customers/", "customers", 700)] == expected
    page = ask("/customers/?page=3&page_size=900").json()
    assert (page["count"], page["next"], len(page["results"])) == (DEMO_CUSTOMERS, None, DEMO_CUSTOMERS - 1_800)
    assert [row["customer_id"] for row in page["results"]] == expected[1_800:]
    assert error_of(ask("/customers/?page=3&cursor=x"))[:2] == (422, "bad_request")


def test_members_by_cursor(demo_settings: Configure, ask: Ask, query_demo: Query):
    expected = query_demo("SELECT customer_id FROM customer_features_view WHERE country = 'Norway' ORDER BY 1")
    create(ask, "Norwegians", NORWAY)
    create(ask, "Rich", RICH)
    members = pages(ask, "/segments/norwegians/members/", "members", 200)
    assert [(row["customer_id"],) for row in members] == expected
    cursor = ask("/segments/norwegians/members/?limit=3").json()["next_cursor"]
    for path in (f"/segments/rich/members/?cursor={cursor}", f"/customers/?cursor={cursor}x", "/customers/?cursor=ø"):
        assert error_of(ask(path))[:2] == (422, "bad_cursor")
    status, code, detail = error_of(ask(f"/segments/norwegians/members/?cursor={cursor}&sort=age"))
    assert (status, code) == (422, "bad_request")
    assert "order of ids" in detail


def test_members_with_the_day_of_joining(demo_settings: Configure, ask: Ask, query_demo: Query):
    rule = {">": [{"var": "total_revenue"}, 5000]}
    [(count,)] = query_demo("SELECT count(*) FROM customer_features_view WHERE total_revenue > 5000")
    create(ask, "Rich", rule)
    members = ask("/segments/rich/members/?is_active=true").json()
    assert len(members) == count
    assert {(member["joined_at"], member["is_active"]) for member in members} == {(None, True)}
    size = ask("/segments/rich/calculate/", "POST").json()
    page = ask("/segments/rich/members/?page=1&page_size=5").json()
    assert (page["count"], page["results"][0]) == (
        count,
        {"customer_id": members[0]["customer_id"], "joined_at": size["at"], "is_active": True},
    )
    [(oldest,)] = query_demo(
        "SELECT customer_id FROM customer_features_view WHERE total_revenue > 5000 "
        "ORDER BY age DESC NULLS LAST, 1 LIMIT 1"
    )
    for query in ("page=1&page_size=1", "is_active=true"):
        found = ask(f"/segments/rich/members/?{query}&sort=age&descending=true").json()
        assert (found if isinstance(found, list) else found["results"])[0]["customer_id"] == oldest
    for query in ("is_active=false", "page=1&offset=1", "page=1&cursor=x", "is_active=true&cursor=x"):
        assert error_of(ask(f"/segments/rich/members/?{query}"))[:2] == (422, "bad_request")
    create(ask, "Everyone", {})
    status, _, detail = error_of(ask("/segments/everyone/members/?is_active=true"))
    assert status == 422
    assert detail.startswith("2,000 members are too many for one list")


def test_one_customer_as_the_page_has_them(trained: str, ask: Ask):
    services = get_services()
    create(ask, "Rich", RICH)
    create(ask, "Norwegians", NORWAY)
    size = ask("/segments/rich/calculate/", "POST").json()
    ask("/segments/norwegians/calculate/", "POST")
    found = ask(f"/customers/{GUIDE_CUSTOMER}/").json()
    expected = services.inference.predict_customer(GUIDE_CUSTOMER)
    assert found["features"] == ask(f"/dwh/features/{GUIDE_CUSTOMER}/").json()
    for kind in ("churn", "nbo", "rfm"):
        assert found["predictions"][kind] == ask(f"/dwh/ml/{kind}/", "POST", {"customer_id": GUIDE_CUSTOMER}).json()
    assert expected.churn_drivers is not None
    assert found["drivers"]["churn"]["base"] == pytest.approx(expected.churn_drivers.base)
    assert [one["feature"] for one in found["drivers"]["churn"]["features"]] == [
        one["feature"] for one in asdict(expected.churn_drivers)["features"]
    ]
    assert (found["model_version"], found["is_mock"], found["unavailable"]) == (trained, False, {})
    assert found["segments"] == [{"segment_id": "rich", "name": "Rich", "joined_at": size["at"]}]
    assert error_of(ask("/customers/nobody/"))[:2] == (404, "customer_not_found")


def test_predictions_that_cannot_be_made_say_why(demo_settings: Configure, ask: Ask):
    found = ask(f"/customers/{GUIDE_CUSTOMER}/").json()
    assert (found["predictions"]["churn"], found["predictions"]["nbo"]) == (None, None)
    assert found["predictions"]["rfm"]["segment"]
    assert {kind: reason["error"] for kind, reason in found["unavailable"].items()} == dict.fromkeys(
        ("churn", "nbo"), "model_not_found"
    )


def test_statistics_of_a_segment_name_what_is_missing(demo_settings: Configure, ask: Ask):
    create(ask, "Rich", RICH)
    found = ask("/segments/rich/ml/stats/").json()
    assert (found["stats"]["churn"], found["stats"]["nbo"]) == (None, None)
    assert found["stats"]["rfm"]["total_customers"] == get_services().segmentation.count(RICH)
    assert set(found["unavailable"]) == {"churn", "nbo"}
    assert error_of(ask("/segments/nope/ml/stats/"))[:2] == (404, "segment_not_found")


def test_predictions_of_a_segment_say_whether_there_are_more(trained: str, ask: Ask):
    create(ask, "Rich", RICH)
    total = get_services().segmentation.count(RICH)
    found = ask("/segments/rich/ml/predict/", "POST", {"type": "churn", "limit": 2}).json()
    assert (found["type"], len(found["results"]), found["has_more_results"], found["errors"]) == ("churn", 2, True, [])
    assert found["aggregated_stats"]["processed"] == total
    first = found["results"][0]
    assert first["result"] == ask("/dwh/ml/churn/", "POST", {"customer_id": first["customer_id"]}).json()
    create(ask, "Nobody", {"<": [{"var": "age"}, 0]})
    found = ask("/segments/nobody/ml/predict/", "POST", {"type": "rfm"}).json()
    assert (found["results"], found["has_more_results"]) == ([], False)
    assert error_of(ask("/segments/rich/ml/predict/", "POST", {"type": "clv"}))[:2] == (422, "bad_request")


def test_the_configuration_is_read_only(demo_settings: Configure, ask: Ask):
    configuration = ask("/config/ml/").json()
    assert (configuration["mock_mode"], configuration["churn_thresholds"]) == (False, {"medium": 0.4, "high": 0.7})
    assert ask("/config/dwh/test/").json()["success"] is True
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = ask("/config/ml/", method, {})
        assert error_of(answer)[0] == 405
        assert "not changed over HTTP" in answer.json()["detail"]
        assert answer.headers["allow"] == "GET"
    demo_settings(dwh_url="duckdb:////nowhere/w.duckdb")
    answer = ask("/config/dwh/test/")
    assert (answer.status_code, answer.json()["success"]) == (200, False)
    assert "does not exist" in answer.json()["message"]
