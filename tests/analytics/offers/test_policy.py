import json
import pickle

import pytest

from loyalty_core.analytics.offers import BadPolicy, OfferTerms, Policy

RULE = {">": [{"var": "points"}, 5]}
POLICY = Policy({2: OfferTerms(0.5, 12.25, 100, RULE), 1: OfferTerms()})


def test_a_policy_comes_back_from_json_and_from_a_pickle():
    content = POLICY.to_json()
    assert content["offers"] == {
        "1": {"lever": 1.0, "value": 1.0, "cap": None, "rule": {}},
        "2": {"lever": 0.5, "value": 12.25, "cap": 100, "rule": RULE},
    }
    assert Policy.from_json(json.loads(json.dumps(content))) == POLICY
    assert pickle.loads(pickle.dumps(POLICY)) == POLICY
    assert list(POLICY.offers) == [1, 2]


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        {"offers": []},
        {"offers": {"a": {}}},
        {"offers": {"1": {"price": 3}}},
        {"offers": {"1": {"lever": "1"}}},
    ],
)
def test_what_is_no_policy_is_refused(content):
    with pytest.raises(BadPolicy):
        Policy.from_json(content)


@pytest.mark.parametrize(
    "terms",
    [
        {"lever": -0.1},
        {"lever": 5.1},
        {"lever": float("nan")},
        {"lever": True},
        {"value": float("inf")},
        {"value": 1e13},
        {"value": None},
        {"cap": -1},
        {"cap": 1.5},
        {"cap": True},
    ],
)
def test_terms_outside_their_range_are_refused(terms):
    with pytest.raises(BadPolicy, match="The terms of offer 3 cannot be used"):
        Policy({3: OfferTerms(**terms)})


@pytest.mark.parametrize(("lever", "value", "is_on"), [(1, 1, True), (0, 1, False), (2, 0, False), (5, -3, False)])
def test_an_offer_without_weight_is_off(lever, value, is_on):
    assert OfferTerms(lever, value).is_on is is_on
