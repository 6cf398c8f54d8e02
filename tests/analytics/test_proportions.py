"""Two shares beside each other, against published figures."""

import numpy as np
import pytest

from loyalty_core.analytics.outcomes import Share
from loyalty_core.analytics.proportions import difference, minimum_detectable_change, required_customers


def test_the_difference_of_newcombes_examples():
    found = difference(Share(56, 70), Share(48, 80))
    assert found.value == pytest.approx(0.2)
    assert found.interval == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert difference(Share(9, 10), Share(3, 10)).interval == pytest.approx((0.1705, 0.8090), abs=5e-5)
    assert difference(Share(0, 10), Share(0, 10)).interval == pytest.approx((-0.2775, 0.2775), abs=5e-5)


def test_the_interval_covers_the_true_difference_at_its_nominal_rate():
    generator = np.random.default_rng(4)
    first, second = generator.binomial(400, 0.3, 2_000), generator.binomial(100, 0.25, 2_000)
    held = 0
    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        low, high = difference(Share(one, 400), Share(other, 100)).interval
        held += low <= 0.05 <= high
    assert held / 2_000 == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(
    ("share", "change", "needed"),
    # Two-sided 5 %, 80 % power, two groups of the same size, without correction for continuity.
    [(0.10, 0.05, 686), (0.20, 0.05, 1_094), (0.50, 0.10, 388)],
)
def test_the_published_numbers_of_customers(share: float, change: float, needed: int):
    assert required_customers(share, change, 0.5) == needed


def test_so_many_customers_do_show_the_change():
    needed = required_customers(0.3, 0.05, 0.2)
    generator = np.random.default_rng(4)
    seen = 0
    for one, other in zip(
        generator.binomial(needed, 0.35, 1_000), generator.binomial(4 * needed, 0.3, 1_000), strict=True
    ):
        low, high = difference(Share(int(one), needed), Share(int(other), 4 * needed)).interval
        seen += not low <= 0 <= high
    assert seen / 1_000 == pytest.approx(0.8, abs=0.04)


def test_the_least_change_is_where_the_customers_just_suffice():
    found = minimum_detectable_change(0.3, 4_000, 0.2)
    assert required_customers(0.3, found, 0.2) <= 4_000 < required_customers(0.3, found - 1e-4, 0.2)
    assert minimum_detectable_change(0.3, 2, 0.2) is None
