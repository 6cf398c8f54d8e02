"""The best number to contact: against every other choice of customers, and the interval against simulation."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty_core.analytics.churn import LossBin, Terms, plan, threshold_loss

# (probability, value) of each customer.
Customers = list[tuple[float, float]]
CUSTOMERS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 5_000)), min_size=1, max_size=60)
TERMS = st.builds(Terms, st.floats(0, 500), st.floats(0.001, 1))


def one_each(customers: Customers) -> list[LossBin]:
    """A bin for each customer, the highest expected loss first."""
    by_loss = sorted(customers, key=lambda customer: -customer[0] * customer[1])
    return [LossBin(p * v, p * v, 1, p, p * v, p * v * v, (p * v) ** 2) for p, v in by_loss]


def in_steps(customers: Customers, step: float) -> list[LossBin]:
    """Bins whose edges are powers of 1 + `step`; losses below 0.01 share the last."""
    bins: dict[float, LossBin] = {}
    for single in one_each(customers):
        position = math.floor(math.log(single.loss) / math.log1p(step)) if single.loss >= 0.01 else -math.inf
        bins[position] = bins[position].merged(single) if position in bins else single
    return [bins[position] for position in sorted(bins, reverse=True)]


def profit_of_each(customers: Customers, terms: Terms) -> list[float]:
    return [p * terms.save_rate * v - terms.cost for p, v in customers]


@given(CUSTOMERS, TERMS)
def test_no_other_choice_of_customers_brings_more(customers: Customers, terms: Terms):
    best = plan(one_each(customers), terms).best
    assert best.profit == pytest.approx(sum(max(own, 0.0) for own in profit_of_each(customers, terms)), abs=1e-6)


@given(CUSTOMERS, TERMS)
def test_the_best_choice_ends_where_a_contact_costs_what_it_saves(customers: Customers, terms: Terms):
    bins = one_each(customers)
    best = plan(bins, terms).best
    fuzz = 1e-9 * max(terms.break_even_loss, 1.0)
    assert best.lowest_loss >= terms.break_even_loss - fuzz
    assert all(left.loss <= terms.break_even_loss + fuzz for left in bins[best.customers :])


@given(CUSTOMERS, TERMS)
def test_profit_rises_up_to_the_best_choice_and_falls_after_it(customers: Customers, terms: Terms):
    found = plan(one_each(customers), terms)
    for before, after in pairwise(found.choices):
        if after.customers <= found.best.customers:
            assert after.profit >= before.profit - 1e-6
        else:
            assert after.profit <= before.profit + 1e-6


@given(CUSTOMERS, TERMS)
def test_bins_of_one_per_cent_cost_next_to_nothing(customers: Customers, terms: Terms):
    exact = plan(one_each(customers), terms).best.profit
    binned = plan(in_steps(customers, 0.01), terms).best.profit
    # Only in the bin that is cut through can a customer be on the wrong side, by at most one per cent of the cost.
    assert exact - 0.01 * terms.cost * len(customers) - 0.02 * len(customers) <= binned <= exact + 1e-6


@given(CUSTOMERS, TERMS)
def test_the_number_for_the_rule_splits_the_contacted_from_the_others(customers: Customers, terms: Terms):
    bins = in_steps(customers, 0.01)
    best = plan(bins, terms).best
    if not best.customers:
        return
    number = threshold_loss(bins, best)
    assert sum(p * v >= number for p, v in customers) == best.customers


def test_a_plan_by_hand():
    bins = one_each([(0.9, 100.0), (0.5, 100.0), (0.1, 100.0), (0.0, 100.0)])
    found = plan(bins, Terms(cost=10.0, save_rate=0.5))
    assert [choice.profit for choice in found.choices] == pytest.approx([0.0, 35.0, 50.0, 45.0, 35.0])
    assert (found.best.customers, found.best.lowest_loss, found.best.cost) == (2, 50.0, 20.0)
    assert found.best.retained == pytest.approx(0.7)
    assert found.break_even is None
    # Variance 100² · (0.45 · 0.55 + 0.25 · 0.75), and 90 % lie within 1.645 standard deviations.
    half = 1.6448536 * 100 * math.sqrt(0.45 * 0.55 + 0.25 * 0.75)
    assert (found.best.low, found.best.high) == pytest.approx((50 - half, 50 + half))


def test_break_even_is_the_last_choice_without_a_loss():
    bins = one_each([(0.9, 100.0), *[(0.1, 100.0)] * 9])
    found = plan(bins, Terms(cost=10.0, save_rate=0.5))
    assert found.best.customers == 1
    assert found.break_even is not None
    assert found.break_even.customers == 8  # 35 earned by the first, 5 lost by each of seven others
    assert found.break_even.profit == pytest.approx(0.0)


def test_nobody_is_contacted_when_none_is_worth_it():
    found = plan(one_each([(0.5, 10.0)]), Terms(cost=6.0, save_rate=1.0))
    assert (found.best.customers, found.best.profit) == (0, 0.0)
    assert found.break_even is not None
    assert found.break_even.customers == 0


def test_without_cost_every_customer_of_value_is_contacted():
    bins = one_each([(0.5, 10.0), (0.2, 10.0), (0.3, 0.0)])
    assert plan(bins, Terms(cost=0.0, save_rate=0.1)).best.customers == 2


def test_nothing_is_worthwhile_when_no_customer_is_saved():
    terms = Terms(cost=1.0, save_rate=0.0)
    assert terms.break_even_loss == math.inf
    assert plan(one_each([(0.9, 100.0)]), terms).best.customers == 0


def test_no_customers():
    found = plan([], Terms(1.0, 0.5))
    assert (found.best.customers, found.break_even, len(found.choices)) == (0, None, 1)


def test_a_value_that_all_customers_share_only_changes_the_unit():
    customers = [(0.8, 1.0), (0.3, 1.0), (0.05, 1.0)]
    scaled = [one.scaled(250.0) for one in one_each(customers)]
    assert scaled == [
        LossBin(*(pytest.approx(number) for number in vars(one).values()))
        for one in one_each([(p, 250.0) for p, _ in customers])
    ]


def test_nine_in_ten_campaigns_end_within_the_interval():
    generator = np.random.default_rng(7)
    p, v = generator.beta(1, 3, 2_000), generator.lognormal(5, 1, 2_000)
    terms = Terms(cost=3.0, save_rate=0.25)
    best = plan(one_each(list(zip(p.tolist(), v.tolist(), strict=True))), terms).best
    contacted = p * v >= best.lowest_loss
    assert contacted.sum() == best.customers
    retained = generator.random((4_000, best.customers)) < terms.save_rate * p[contacted]
    profits = retained @ v[contacted] - best.cost
    assert profits.mean() == pytest.approx(best.profit, rel=0.01)
    assert ((best.low <= profits) & (profits <= best.high)).mean() == pytest.approx(0.9, abs=0.015)
