"""Predictions and features for many customers in one request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from loyalty_core.services import Services, get_services
from loyalty_core.settings import get_settings
from tests.fixtures.api import Ask, error_of
from tests.workbench import GUIDE_CUSTOMER

if TYPE_CHECKING:
    from tests.workbench import Configure, Query

KINDS = ("nbo", "churn", "rfm")
# LiteRT adds up in another order for many rows than for one, so the sixth decimal may differ by one.
ROUNDING = 1.5e-6


def some_ids(query: Query, number: int) -> list[str]:
    rows = query(f"SELECT customer_id FROM customer_features_view ORDER BY hash(customer_id) LIMIT {number}")
    return [customer_id for (customer_id,) in rows]


def same(one: Any, other: Any) -> bool:
    """Equal, numbers that are not whole within `ROUNDING`."""
    match one, other:
        case dict(), dict():
            return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
        case list(), list():
            return len(one) == len(other) and all(map(same, one, other))
        case float(), float():
            return one == pytest.approx(other, abs=ROUNDING)
        case _:
            return one == other


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_has_the_answers_of_single_requests(trained: str, ask: Ask, query_demo: Query, kind: str):
    ids = [*some_ids(query_demo, 30), GUIDE_CUSTOMER]
    single = [ask(f"/dwh/ml/{kind}/", "POST", {"customer_id": customer_id}).json() for customer_id in ids]
    asked = [ids[0], "nobody", *ids, "nobody", ids[-1], "also nobody"]
    answer = ask(f"/dwh/ml/{kind}/", "POST", {"customer_ids": asked})
    assert answer.status_code == 200
    assert same(answer.json()["results"], single)
    assert answer.json()["unknown"] == ["nobody", "also nobody"]


def test_a_batch_reads_the_warehouse_once(trained: str, ask: Ask, query_demo: Query):
    ids = some_ids(query_demo, 500)
    ask("/dwh/ml/churn/", "POST", {"customer_ids": ids[:1]})
    before = get_services().features.health()
    answers = ask("/dwh/ml/churn/", "POST", {"customer_ids": ids}).json()["results"]
    assert [answer["customer_id"] for answer in answers] == ids
    after = get_services().features.health()
    assert (after.hits - before.hits, after.misses - before.misses) == (1, 499)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"customer_id": "a", "customer_ids": ["b"]}, "Give either customer_id or customer_ids."),
        ({}, "Give either customer_id or customer_ids."),
        ({"customer_ids": []}, "customer_ids: List should have at least 1 item after validation, not 0"),
        ({"customer_ids": ["a", ""]}, "customer_ids.1: String should have at least 1 character"),
        ({"customer_ids": ["a", None]}, "customer_ids.1: Input should be a valid string"),
        (
            {"customer_ids": list(map(str, range(10_001)))},
            "customer_ids: List should have at most 10000 items after validation, not 10001",
        ),
    ],
)
def test_a_batch_that_cannot_be(demo_settings: Configure, ask: Ask, body: Any, detail: str):
    assert error_of(ask("/dwh/ml/churn/", "POST", body)) == (422, "bad_request", detail)


def test_nobody_known_is_a_batch_without_results(trained: str, ask: Ask):
    for kind in KINDS:
        answer = ask(f"/dwh/ml/{kind}/", "POST", {"customer_ids": ["nobody"]})
        assert (answer.status_code, answer.json()) == (200, {"results": [], "unknown": ["nobody"]})


def test_offers_have_names_and_one_way_of_counting(trained: str, ask: Ask, query_demo: Query):
    offers = dict(query_demo("SELECT offer_id, name FROM offers"))
    categories = dict(query_demo("SELECT offer_id, offer_type FROM offers"))
    answer = ask("/dwh/ml/nbo/", "POST", {"customer_id": GUIDE_CUSTOMER}).json()
    assert [offer["offer_id"] for offer in answer["offers"]] == [offer["offer_id"] for offer in answer["all_offers"]]
    assert {offer["offer_id"]: offer["offer_name"] for offer in answer["offers"]} == offers
    assert {offer["offer_id"]: offer["category"] for offer in answer["offers"]} == categories
    best = answer["offers"][answer["recommended_offer_index"]]
    assert best["offer_id"] == answer["recommended_offer"]
    assert best["offer_name"] == answer["recommended_offer_name"] == offers[answer["recommended_offer"]]
    assert best["probability"] == answer["confidence"] == max(offer["probability"] for offer in answer["offers"])


def test_rfm_scores_have_names_of_their_own(trained: str, ask: Ask):
    answer = ask("/dwh/ml/rfm/", "POST", {"customer_id": GUIDE_CUSTOMER}).json()
    assert [answer["r_score"], answer["f_score"], answer["m_score"], answer["rfm_segment"]] == [
        answer["recency"],
        answer["frequency"],
        answer["monetary"],
        answer["segment"],
    ]


def test_features_of_one_and_of_many(demo_settings: Configure, ask: Ask, query_demo: Query):
    one, other = some_ids(query_demo, 2)
    features = ask(f"/dwh/features/{one}/").json()
    assert features == ask(f"/dwh/customers/{one}/").json()
    answer = ask("/dwh/features/batch/", "POST", {"customer_ids": [one, "nobody", other, one]})
    assert answer.status_code == 200
    assert answer.json() == {one: features, "nobody": None, other: ask(f"/dwh/features/{other}/").json()}
    assert error_of(ask("/dwh/features/nobody/"))[:2] == (404, "customer_not_found")


def test_the_cache_is_invalidated_by_id_and_as_a_whole(demo_settings: Configure, ask: Ask, query_demo: Query):
    ids = some_ids(query_demo, 5)
    ask("/dwh/features/batch/", "POST", {"customer_ids": ids})
    answer = ask("/dwh/cache/invalidate/", "POST", {"customer_ids": [*ids[:2], "nobody"]})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "invalidated": 2})
    before = get_services().features.health().misses
    ask("/dwh/features/batch/", "POST", {"customer_ids": ids})
    assert get_services().features.health().misses - before == 2
    assert ask("/dwh/cache/invalidate/", "POST").json() == {"status": "ok", "invalidated": 5}
    assert ask("/dwh/cache/invalidate/", "POST", {}).json() == {"status": "ok", "invalidated": 0}


def test_other_processes_remove_the_same_customers(demo_settings: Configure, ask: Ask, query_demo: Query):
    ids = some_ids(query_demo, 5)
    other = Services(get_settings())
    other.features.get_many(ids)
    ask("/dwh/cache/invalidate/", "POST", {"customer_ids": ids[:2]})
    other.invalidations.follow()
    assert set(other.features.cached(ids)) == set(ids[2:])
    ask("/dwh/cache/invalidate/", "POST")
    other.invalidations.follow()
    assert not other.features.cached(ids)
    other.warehouse.close()


def test_a_cache_that_does_not_answer_is_reported(demo_settings: Configure, ask: Ask):
    demo_settings(redis_url="redis://127.0.0.1:1/0")
    for body in ({"customer_ids": [GUIDE_CUSTOMER]}, {}):
        status, code, detail = error_of(ask("/dwh/cache/invalidate/", "POST", body))
        assert (status, code) == (503, "cache_unavailable")
        assert "up to 300 s" in detail


def test_event_types_are_data(ask: Ask):
    types = ask("/dwh/event-types/").json()
    assert {tuple(one) for one in types} == {("value", "label", "category", "accepted", "schema")}
    assert len({one["value"] for one in types}) == len(types) > 5
    assert all(one["accepted"] for one in types)
    for one in types:
        Draft202012Validator.check_schema(one["schema"])


def test_a_batch_says_that_it_is_made_up(demo_settings: Configure, ask: Ask):
    demo_settings(ml_mock_mode=True)
    for body in ({"customer_id": GUIDE_CUSTOMER}, {"customer_ids": [GUIDE_CUSTOMER]}):
        assert ask("/dwh/ml/churn/", "POST", body).headers["x-loyalty-mode"] == "mock"
