"""One advice on contacting a customer, for each combination of what is known."""

from __future__ import annotations

from itertools import product

import pytest

from loyalty_core.analytics.churn import ContactAdvice, advise

ACTIONS = ("Send a retention offer", "Contact the customer this week")


@pytest.mark.parametrize(
    ("left", "has_consent", "uplift", "recommendations"),
    list(product([(), ("Status is closed",)], [None, True, False], [None, -0.02, 0.0, 0.05], [(), ACTIONS])),
)
def test_the_first_reason_that_applies_decides(
    left: tuple[str, ...], has_consent: bool | None, uplift: float | None, recommendations: tuple[str, ...]
) -> None:
    advice = advise(recommendations, uplift=uplift, left=left, has_consent=has_consent)
    if left:
        expected = "left", False
    elif has_consent is False:
        expected = "no_consent", False
    elif uplift is not None:
        expected = ("contact_harms", False) if uplift < 0 else ("contact_helps", True)
    else:
        expected = ("effect_unknown", True) if recommendations else ("nothing_known", False)
    assert (advice.reason, advice.contact) == expected
    assert advice.actions == (recommendations if advice.contact else ())


def test_what_is_said() -> None:
    assert advise(ACTIONS, uplift=-0.01, left=(), has_consent=True) == ContactAdvice(
        False, "contact_harms", "Better not to contact: contact would make a conversion less likely."
    )
    gone = advise(ACTIONS, uplift=0.2, left=("Status is closed", "Days is above 180"), has_consent=False)
    assert gone.sentence.endswith("this customer has already left (Status is closed; Days is above 180).")
    assert advise((), uplift=0.0, left=(), has_consent=None).sentence == "Contact neither helps nor harms."
