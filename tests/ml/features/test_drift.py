"""The population stability index against values worked out by hand, and what is said of it."""

from __future__ import annotations

import math

import pytest

from loyalty_core.ml.features import Distribution, FeatureDrift, psi, state_of
from loyalty_core.ml.features.drift import FLOOR, Bins, contributions, critical_psi

DAYS = Bins("number", (30.0, 60.0))


def drift(then: tuple[int, ...], now: tuple[int, ...], **training: Distribution) -> FeatureDrift:
    return FeatureDrift(
        "recency", "last_purchase_days_ago", DAYS, Distribution(then, 40.0), Distribution(now, 50.0), training
    )


def test_the_index_of_two_bins():
    # (0.25 − 0.50) · ln 0.5 + (0.75 − 0.50) · ln 1.5
    assert contributions((50, 50), (25, 75)) == pytest.approx([0.1732868, 0.1013663])
    assert psi((50, 50), (25, 75)) == pytest.approx(0.2746531)
    assert psi((50, 50), (1, 3)) == pytest.approx(psi((1, 3), (50, 50)))


def test_the_same_shares_have_no_index():
    assert psi((10, 20, 70), (1, 2, 7)) == 0


def test_an_empty_bin_counts_as_the_floor():
    # (0.5 − 0.0001) · ln(0.5 / 0.0001) + (0.5 − 1) · ln 0.5
    assert psi((0, 100), (50, 50)) == pytest.approx((0.5 - FLOOR) * math.log(0.5 / FLOOR) + 0.3465736)
    assert psi((0, 5), (0, 9)) == 0


@pytest.mark.parametrize(("bins", "quantile"), [(2, 3.841), (10, 16.919), (52, 68.669)])
def test_the_critical_psi_is_a_quantile_of_chi_square(bins: int, quantile: float):
    assert critical_psi(1_000, 500, bins) == pytest.approx(0.003 * quantile, rel=0.03)
    assert critical_psi(1_000, 500, 1) == 0


@pytest.mark.parametrize(
    ("then", "now", "state"),
    [
        ((5_000, 5_000), (4_000, 6_000), "stable"),  # 0.0405
        ((5_000, 5_000), (3_000, 7_000), "moved"),  # 0.1695
        ((5_000, 5_000), (2_500, 7_500), "drifted"),  # 0.2747
        ((10, 10), (5, 15), "stable"),  # the same shares, and so few rows that chance does it
        ((10, 10, 0), (5, 15, 0), "stable"),
    ],
)
def test_the_index_in_a_word(then: tuple[int, ...], now: tuple[int, ...], state: str):
    assert state_of(then, now) == state


@pytest.mark.parametrize(
    ("bins", "names"),
    [
        (Bins("number", (30.0, 60.5, 1250.0)), ("under 30", "30–60.5", "60.5–1,250", "1,250 or more", "blank")),
        (Bins("number"), ("any value", "blank")),
        (Bins("boolean", (0.5,)), ("no", "yes", "blank")),
        (Bins("text", categories=("gold", "silver")), ("gold", "silver", "other", "blank")),
    ],
)
def test_bins_have_names(bins: Bins, names: tuple[str, ...]):
    assert bins.names == names


def test_what_moved_most_is_the_bin_that_adds_most():
    one = drift((800, 80, 100, 20), (700, 170, 110, 20))
    assert one.moved == "30–60 was 8.0%, is 17.0%"
    assert (one.label, one.state, one.now.blank) == ("Days since last purchase", "stable", 0.02)
    assert drift((8, 1, 1, 0), (80, 10, 10, 0)).moved == ""


def test_training_rows_are_another_population():
    one = drift((50, 50, 0, 0), (50, 50, 0, 0), churn=Distribution((25, 75, 0, 0)))
    assert (one.psi, one.state) == (0, "stable")
    assert one.population_psi("churn") == pytest.approx(0.2746531)
    assert one.population_psi("nbo") is None


def test_for_programs():
    assert drift((50, 50, 0, 0), (25, 65, 0, 10), churn=Distribution((25, 65, 0, 10))).to_json() == {
        "feature": "recency",
        "label": "Days since last purchase",
        "psi": 0.9027,
        "psi_since_training": 0.9027,
        "psi_since_learned": 0.0,
        "state": "drifted",
        "moved": "blank was 0.0%, is 10.0%",
        "bins": ["under 30", "30–60", "60 or more", "blank"],
        "then": {"customers": 100, "mean": 40.0, "blank": 0.0, "shares": [0.5, 0.5, 0.0, 0.0]},
        "now": {"customers": 100, "mean": 50.0, "blank": 0.1, "shares": [0.25, 0.65, 0.0, 0.1]},
        "psi_against_training_rows": {"churn": 0.0},
    }
