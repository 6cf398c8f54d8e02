"""Who likes which offer."""

import numpy as np
import pytest

from loyalty_core.demo.offers import BASE, OFFERS, choice_probabilities

TYPICAL = {"rate": 0.0, "spend": 0.0, "days": 20.0, "purchases": 9.0}
NUMBER = {offer.offer_type: position for position, offer in enumerate(OFFERS)}


def probabilities(**traits: float) -> np.ndarray:
    member = {name: np.array([value]) for name, value in (TYPICAL | traits).items()}
    return choice_probabilities(
        member["rate"], member["spend"], member["days"], member["purchases"], np.zeros((1, len(OFFERS)))
    )[0]


def test_probabilities_add_up_to_one() -> None:
    assert probabilities(days=400).sum() == pytest.approx(1)
    assert probabilities(days=400).min() > 0


def test_odds_of_two_offers_follow_their_weights() -> None:
    typical = probabilities()
    big_spender = probabilities(spend=1)
    assert np.log(typical[0] / typical[1]) == pytest.approx(BASE[0] - BASE[1])
    assert np.log(big_spender[3] / big_spender[5]) == pytest.approx(BASE[3] - BASE[5] + 1.8 + 2.4)


def test_each_kind_of_member_has_its_offer() -> None:
    assert probabilities(days=200).argmax() == NUMBER["win-back"]
    assert probabilities(spend=2, purchases=40).argmax() == NUMBER["event"]
    assert probabilities(spend=-2).argmax() == NUMBER["bundle"]
    assert probabilities(purchases=1).argmax() == NUMBER["gift"]
    assert probabilities(spend=-0.5, purchases=40, days=5).argmax() == NUMBER["points"]
    assert probabilities(spend=2, purchases=3).argmax() == NUMBER["early access"]


def test_taste_tips_the_balance() -> None:
    taste = np.zeros((1, len(OFFERS)))
    taste[0, NUMBER["service"]] = 5.0
    typical = [np.array([value]) for value in TYPICAL.values()]
    assert choice_probabilities(*typical, taste)[0].argmax() == NUMBER["service"]
