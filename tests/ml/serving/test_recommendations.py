from itertools import product

import pytest

from loyalty_core.ml.tasks import RISKS, recommend
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
