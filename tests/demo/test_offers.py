"""Who likes which offer."""

import numpy as np
import pytest

from loyalty_core.demo.offers import BASE, OFFERS, Traits, choice_probabilities

TYPICAL = {
    "rate_score": 0.0,
    "spend_score": 0.0,
    "days_since_last": 20.0,
    "purchases": 9.0,
    "online": 0.6,
    "price_sensitivity": 0.2,
    "price_rise": 0.0,
    "late": False,
    "store_km": 5.0,
    "redeems": True,
    "points_expire": False,
    "app_visits": 0.0,
}
NUMBER = {offer.offer_type: position for position, offer in enumerate(OFFERS)}


def probabilities(taste: int | None = None, **traits: float) -> np.ndarray:
    member = {name: np.array([value]) for name, value in (TYPICAL | traits).items()}
    tastes = np.zeros((1, len(OFFERS)))
    if taste is not None:
        tastes[0, taste] = 5.0
    return choice_probabilities(Traits(taste=tastes, **member))[0]


def test_probabilities_add_up_to_one() -> None:
    assert probabilities(days_since_last=400).sum() == pytest.approx(1)
    assert probabilities(days_since_last=400).min() > 0


def test_odds_of_two_offers_follow_their_weights() -> None:
    typical = probabilities()
    big_spender = probabilities(spend_score=1)
    assert np.log(typical[0] / typical[1]) == pytest.approx(BASE[0] - BASE[1])
    assert np.log(big_spender[3] / big_spender[5]) == pytest.approx(BASE[3] - BASE[5] + 1.8 + 2.4)


def test_each_kind_of_member_has_its_offer() -> None:
    assert probabilities(days_since_last=200).argmax() == NUMBER["win-back"]
    assert probabilities(spend_score=2, purchases=40).argmax() == NUMBER["event"]
    assert probabilities(spend_score=-2).argmax() == NUMBER["bundle"]
    assert probabilities(purchases=1).argmax() == NUMBER["gift"]
    assert probabilities(spend_score=-0.5, purchases=40, days_since_last=5).argmax() == NUMBER["points"]
    assert probabilities(spend_score=2, purchases=3, app_visits=9).argmax() == NUMBER["early access"]


@pytest.mark.parametrize(
    ("offer", "both", "alone"),
    [
        ("discount", {"price_rise": 12.0, "price_sensitivity": 0.7}, {"price_rise": 12.0}),
        ("service", {"online": 0.9, "store_km": 30.0}, {"online": 0.9}),
        ("points", {"redeems": True, "points_expire": True}, {"redeems": True}),
        ("bundle", {"online": 0.1, "price_sensitivity": 0.7}, {"online": 0.9, "price_sensitivity": 0.7}),
    ],
)
def test_two_conditions_together_make_an_offer_likely(
    offer: str, both: dict[str, float], alone: dict[str, float]
) -> None:
    assert probabilities(**both)[NUMBER[offer]] > 1.5 * probabilities(**alone)[NUMBER[offer]]


def test_taste_tips_the_balance() -> None:
    assert probabilities(taste=NUMBER["service"]).argmax() == NUMBER["service"]
