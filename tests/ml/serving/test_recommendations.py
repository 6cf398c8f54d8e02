from itertools import product

import pytest

from loyalty_core.ml.tasks import RISKS, recommend, score_for_advice
from loyalty_core.rfm import RfmScore

SCORES = (1, 2, 3, 4, 5)


def _score(recency, monetary):
    return RfmScore(recency, 3, monetary, "any")


def test_every_combination_has_its_own_pair_of_sentences():
    advice = {
        (risk, recency, monetary): tuple(recommend(risk, _score(recency, monetary)))
        for risk, recency, monetary in product(RISKS, SCORES, SCORES)
    }

    assert len(advice) == 75
    assert len(set(advice.values())) == 27
    assert all(len(pair) == 2 and all(pair) for pair in advice.values())


@pytest.mark.parametrize("risk", RISKS)
def test_without_rfm_the_risk_alone_decides(risk):
    assert len(recommend(risk, None)) == 2
    assert len({tuple(recommend(other, None)) for other in RISKS}) == 3


def test_a_valuable_customer_at_risk_gets_a_call_and_a_small_one_does_not():
    assert "call" in recommend("high", _score(recency=1, monetary=5))[0]
    assert "low-cost" in recommend("high", _score(recency=1, monetary=1))[0]


@pytest.mark.parametrize(("days", "fresh"), [(20, True), (90, True), (201, False), (201.5, False), (None, True)])
def test_the_last_purchase_is_not_fresh_for_somebody_who_is_not_active(days, fresh):
    score = score_for_advice(_score(recency=5, monetary=5), days, active_within_days=90)
    assert ("last purchase is fresh" in recommend("high", score)[1]) == fresh
    assert score[1:] == _score(recency=5, monetary=5)[1:]
