"""Arbitration in SQL against the same market settled customer by customer in Python."""

from __future__ import annotations

import random
import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from loyalty_core.analytics.offers import Arbitration, Cutoff, OfferTerms, Policy, arbitrate, bind_policy, rank_offers
from loyalty_core.analytics.offers.customer_offers import customer_offers, offers_statement, read_row
from loyalty_core.analytics.offers.fields import offer_ids
from loyalty_core.analytics.offers.market import CLOSED, tie_breaker
from loyalty_core.analytics.offers.policy import choose_offer
from loyalty_core.analytics.scope import Scope, ScopedBase
from loyalty_core.errors import CustomerNotFound
from loyalty_core.rules import RuleError
from loyalty_core.segments import SegmentationEngine
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse
from tests.analytics.market import deferred_acceptance
from tests.segments.scored import keep, segment
from tests.workbench import DEMO_CUSTOMERS, GUIDE_CUSTOMER, Query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from loyalty_core.segments import SegmentRepository
    from tests.fixtures.warehouses import Backend

OFFERS = range(1, 9)
RICH, SLEEPING = {">": [{"var": "total_revenue"}, 800]}, {">": [{"var": "days_since_last_transaction"}, 120]}
VALUES = {1: 4.5, 2: 11.0, 3: 8.0, 4: 6.0, 5: 3.0, 6: 2.0, 7: 5.0, 8: 16.0}


class Market:
    """The customers of a base with what a policy makes of each, one by one in Python."""

    def __init__(self, base: ScopedBase, policy: Policy) -> None:
        self.bound = bind_policy(policy, base.engine)
        identifier = base.warehouse.customer_id.name
        statement = offers_statement(base, self.bound)
        wanted = statement.where(sa.cast(statement.selected_columns[identifier], sa.Text).in_(members_of(base)))
        self.rows = {str(row[identifier]): read_row(self.bound, row) for row in base.rows(wanted)}
        self.propensities = {customer: row.propensities for customer, row in self.rows.items()}
        self.features = {customer: row.features for customer, row in self.rows.items()}
        self.recommended = {customer: row.recommended for customer, row in self.rows.items()}

    def priorities(self) -> dict[str, dict[int, float]]:
        return {
            customer: {
                one.offer_id: one.priority
                for one in rank_offers(self.bound, own, self.features[customer], self.rows[customer].uplift)
                if one.is_eligible and one.priority is not None
            }
            for customer, own in self.propensities.items()
        }

    def settle(self) -> dict[str, int | None]:
        return deferred_acceptance(
            self.priorities(), {offer: own.cap for offer, own in self.bound.policy.offers.items()}
        )


def members_of(base: ScopedBase) -> list[str]:
    identifier = base.warehouse.customer_id.name
    return [str(row[identifier]) for row in base.rows(sa.select(base.customers(identifier)))]


def policy_of(terms: dict[int, dict[str, Any]] | None = None, offers: Any = OFFERS) -> Policy:
    given = terms or {}
    return Policy({offer: OfferTerms(**({"value": VALUES[offer]} | given.get(offer, {}))) for offer in offers})


def run(base: ScopedBase, policy: Policy) -> Arbitration:
    return arbitrate(base, bind_policy(policy, base.engine))


def counts(outcome: Arbitration) -> dict[int, int]:
    return {offer: award.customers for offer, award in outcome.after.items()}


def assert_same(base: ScopedBase, policy: Policy) -> Arbitration:
    """Same customers per offer, same money, same reasons as in Python; no cap passed."""
    outcome, market = run(base, policy), Market(base, policy)
    given = market.settle()
    priorities = market.priorities()
    for offer, terms in policy.offers.items():
        own = [customer for customer, taken in given.items() if taken == offer]
        assert outcome.after[offer].customers == len(own), offer
        assert terms.cap is None or len(own) <= terms.cap
        value = sum(market.propensities[customer][offer] for customer in own) * terms.value
        assert outcome.after[offer].weight == pytest.approx(value, rel=1e-9)
        plain = [customer for customer, best in market.recommended.items() if best == offer]
        assert outcome.before[offer].customers == len(plain)
        value = sum(market.propensities[customer][offer] for customer in plain) * terms.value
        assert outcome.before[offer].weight == pytest.approx(value, rel=1e-9)
    left = [customer for customer, taken in given.items() if taken is None]
    unscored = [one for one in left if all(number is None for number in market.propensities[one].values())]
    assert outcome.without == {
        "not scored": len(unscored),
        "not eligible": sum(not priorities[one] for one in left) - len(unscored),
        "at caps": sum(bool(priorities[one]) for one in left),
    }
    # Who holds what by the cutoffs alone, as the screen for one customer reads them.
    for customer, own in priorities.items():
        reached = [
            offer
            for offer, priority in own.items()
            if offer not in outcome.cutoffs or outcome.cutoffs[offer].admits(priority, customer)
        ]
        best = max(reached, key=lambda offer: (own[offer], -offer), default=None)
        assert best == given[customer]
    assert outcome.customers == len(market.rows)
    return outcome


@pytest.fixture
def base(scored_demo: Warehouse, engine: SegmentationEngine) -> ScopedBase:
    return ScopedBase(scored_demo, engine, Scope())


def test_without_caps_levers_and_values_every_customer_gets_the_recommended_offer(base: ScopedBase):
    outcome = run(base, Policy({offer: OfferTerms() for offer in OFFERS}))
    assert outcome.rounds == 1
    assert outcome.before == outcome.after
    assert outcome.without == {"not eligible": 0, "at caps": 0, "not scored": 0}
    assert outcome.customers == DEMO_CUSTOMERS


def test_levers_and_values_change_who_gets_what(base: ScopedBase, sql: Query):
    outcome = run(base, policy_of({8: {"lever": 0.5}, 1: {"lever": 3.0}}))
    weights = VALUES | {8: 8.0, 1: 13.5}
    priorities = ", ".join(f"offer_{offer}::DOUBLE * {weight}" for offer, weight in weights.items())
    names = ", ".join(f"offer_{offer}::DOUBLE * offer_uptake" for offer in OFFERS)
    expected = sql(
        f"WITH p AS (SELECT [{priorities}] AS list, [{names}] AS own FROM customers), "
        "taken AS (SELECT list_position(list, list_max(list)) AS offer, own FROM p) "
        "SELECT offer, count(*), sum(own[offer]) FROM taken GROUP BY 1"
    )
    assert counts(outcome) == dict.fromkeys(OFFERS, 0) | {offer: number for offer, number, _ in expected}
    value = sum(total * VALUES[offer] for offer, _, total in expected)
    assert outcome.value_after == pytest.approx(value, rel=1e-9)
    before = sql(
        "SELECT sum(CASE recommended_offer "
        + " ".join(f"WHEN {offer} THEN offer_{offer}::DOUBLE * offer_uptake * {VALUES[offer]}" for offer in OFFERS)
        + " END) FROM customers"
    )
    assert outcome.value_before == pytest.approx(before[0][0], rel=1e-9)
    assert outcome.gain == pytest.approx(value / before[0][0] - 1, rel=1e-9)
    assert outcome.gain > 0


def test_a_lever_of_nought_or_a_value_that_is_no_gain_switches_an_offer_off(base: ScopedBase):
    outcome = assert_same(base, policy_of({1: {"lever": 0.0}, 2: {"value": 0.0}, 3: {"value": -4.0}}))
    assert [counts(outcome)[offer] for offer in (1, 2, 3)] == [0, 0, 0]
    everything_off = run(base, policy_of({offer: {"lever": 0.0} for offer in OFFERS}))
    assert everything_off.without["not eligible"] == DEMO_CUSTOMERS


def test_caps_are_respected_as_by_deferred_acceptance(base: ScopedBase):
    outcome = assert_same(base, policy_of({offer: {"cap": 200} for offer in OFFERS}))
    assert counts(outcome) == dict.fromkeys(OFFERS, 200)
    assert outcome.without["at caps"] == DEMO_CUSTOMERS - 1600
    assert outcome.rounds > 1


def test_a_cap_that_is_not_reached_costs_no_round(base: ScopedBase):
    free = run(base, policy_of())
    at_the_edge = {offer: {"cap": taken} for offer, taken in counts(free).items() if taken}
    outcome = run(base, policy_of(at_the_edge))
    assert (counts(outcome), outcome.rounds, outcome.cutoffs) == (counts(free), 1, {})


def test_a_cap_of_nought_closes_an_offer(base: ScopedBase):
    outcome = assert_same(base, policy_of({8: {"cap": 0}}))
    assert (counts(outcome)[8], outcome.cutoffs, outcome.rounds) == (0, {8: CLOSED}, 1)
    closed = run(base, policy_of({offer: {"cap": 0} for offer in OFFERS}))
    assert closed.without == {"not eligible": 0, "at caps": DEMO_CUSTOMERS, "not scored": 0}


def test_eligibility_leaves_customers_without_an_offer(base: ScopedBase, sql: Query):
    outcome = assert_same(base, policy_of({offer: {"rule": RICH} for offer in OFFERS}))
    [(poor,)] = sql("SELECT count(*) FROM customers WHERE coalesce(total_revenue <= 800, true)")
    assert 0 < poor < DEMO_CUSTOMERS
    assert outcome.without == {"not eligible": poor, "at caps": 0, "not scored": 0}


def test_rules_over_segments_and_predictions_with_caps_in_a_segment(engine: SegmentationEngine, scored_demo: Warehouse):
    keep(engine, "Rich", RICH)
    keep(engine, "Sleeping", SLEEPING)
    base = ScopedBase(scored_demo, engine, Scope("rich"))
    risky = {"in": [{"var": "churn_risk"}, ["medium", "high"]]}
    policy = policy_of(
        {2: {"rule": segment("sleeping", False), "cap": 30}, 5: {"rule": risky}, 8: {"cap": 40}, 3: {"lever": 2.5}}
    )
    outcome = assert_same(base, policy)
    assert outcome.customers == engine.count(RICH)
    assert counts(outcome)[8] == 40


@pytest.mark.parametrize("seed", range(12))
def test_any_policy_is_settled_as_in_python(base: ScopedBase, seed: int):
    maker = random.Random(seed)
    offers = maker.sample(list(OFFERS), maker.randint(1, 8))
    rules = [{}, {}, RICH, SLEEPING, {"!": RICH}, {"==": [{"var": "churn_risk"}, "low"]}, {"and": [RICH, SLEEPING]}]
    terms = {
        offer: {
            "lever": maker.choice([0.0, 0.5, 1.0, 1.0, 2.0, 5.0]),
            "cap": maker.choice([None, 0, 1, 7, 100, 250, 400]),
            "rule": maker.choice(rules),
        }
        for offer in offers
    }
    assert_same(base, policy_of(terms, offers))


# Ties, blanks and other databases

FEW = """
CREATE TABLE customer_features_view (customer_id varchar, city varchar, total_revenue numeric(12, 2));
CREATE TABLE customer_predictions (
    customer_id varchar, churn_probability double precision, churn_risk varchar, recommended_offer integer,
    confidence double precision, offer_1 real, offer_2 real, offer_3 real, recency smallint, frequency smallint,
    monetary smallint, rfm_segment varchar, model_version varchar, scored_at timestamp with time zone
);
"""


def few_customers(backend: Backend, open_warehouse: Callable[..., Warehouse], tmp_path: Any) -> ScopedBase:
    """Three hundred customers with few different propensities, some blank, on each database."""
    maker = random.Random(4)
    values, features = [], []
    for number in range(300):
        scores = [maker.choice(["0.1", "0.2", "0.3", "0.25"]) for _ in range(3)]
        best = scores.index(max(scores, key=float)) + 1
        if number % 29 == 0:
            scores, best = ["NULL"] * 3, "NULL"
        features.append(f"('C{number}', '{maker.choice(['Oslo', 'Bergen'])}', {number})")
        values.append(
            f"('C{number}', 0.5, 'low', {best}, {'NULL' if best == 'NULL' else max(scores, key=float)}, "
            f"{', '.join(scores)}, 1, 1, 1, 'Lost', 'mock', '2026-11-01 00:00:00+00')"
        )
    backend.execute(
        f"{FEW} INSERT INTO customer_features_view VALUES {', '.join(features)};"
        f"INSERT INTO customer_predictions VALUES {', '.join(values)};"
    )
    file = tmp_path / "customer_predictions.parquet"
    if backend.name == "duckdb":
        backend.execute(f"COPY customer_predictions TO '{file}' (FORMAT parquet)")
    warehouse = open_warehouse(backend.url, predictions_file=file, models_dir=tmp_path)
    return ScopedBase(warehouse, SegmentationEngine(warehouse), Scope())


def test_equal_priorities_blanks_and_rules_on_both_databases(
    backend: Backend, open_warehouse: Callable[..., Warehouse], tmp_path: Any
):
    base = few_customers(backend, open_warehouse, tmp_path)
    assert offer_ids(base) == (1, 2, 3)
    in_oslo = {"==": [{"var": "city"}, "Oslo"]}
    policy = Policy(
        {
            1: OfferTerms(value=1.5, cap=40),
            2: OfferTerms(value=1.5, lever=2, cap=60, rule=in_oslo),
            3: OfferTerms(value=3, cap=55),
        }
    )
    outcome = assert_same(base, policy)
    assert counts(outcome) == {1: 40, 2: 60, 3: 55}
    assert outcome.without["not scored"] == 11
    # Nobody knows how many take an offer at all, so there is no money; policies can still be compared.
    assert (outcome.value_before, outcome.value_after) == (None, None)
    assert outcome.gain is not None
    assert {type(award.weight) for award in outcome.after.values()} == {float}


def test_the_hash_that_settles_ties_is_the_databases_own(sql: Query):
    [(hashed,)] = sql("SELECT md5('Åse 7')")
    assert tie_breaker("Åse 7") == hashed
    assert Cutoff(0.5, tie_breaker("b")).admits(0.5, "b")
    assert [Cutoff(0.5, "8").admits(0.5, name) for name in "ab"] == [tie_breaker(name) <= "8" for name in "ab"]
    assert Cutoff(0.5).admits(0.6, "b")
    assert not Cutoff(0.5, "f" * 32).admits(0.4, "b")


def test_one_customer_is_given_what_the_base_is(base: ScopedBase):
    policy = policy_of({3: {"rule": RICH, "lever": 3.0}, 8: {"rule": SLEEPING}, 2: {"lever": 0.0}})
    market, outcome = Market(base, policy), run(base, policy)
    chosen = [
        choose_offer(market.bound, own, market.features[customer]) for customer, own in market.propensities.items()
    ]
    assert {offer: chosen.count(offer) for offer in OFFERS} == counts(outcome)
    assert chosen.count(None) == sum(outcome.without.values())
    one = customer_offers(base, market.bound, GUIDE_CUSTOMER)
    assert one == market.rows[GUIDE_CUSTOMER]
    assert set(one.features) == {"total_revenue", "days_since_last_transaction"}
    for nobody in ("nobody", "", "\0"):
        with pytest.raises(CustomerNotFound):
            customer_offers(base, market.bound, nobody)


def test_an_offer_that_was_not_scored_is_given_to_no_customer(base: ScopedBase):
    known, with_another = policy_of(), Policy({**policy_of().offers, 99: OfferTerms(value=1e6, cap=10)})
    outcome = assert_same(base, with_another)
    assert outcome.after[99].customers == 0
    assert counts(outcome) == counts(run(base, known)) | {99: 0}


def test_a_rule_that_cannot_be_used_is_refused(engine: SegmentationEngine):
    with pytest.raises(RuleError):
        bind_policy(policy_of({1: {"rule": {">": [{"var": "no_such_column"}, 1]}}}), engine)


@pytest.fixture
def with_uplift(
    demo_warehouse: Path, predictions_file: Path, tmp_path: Path, saved: SegmentRepository
) -> Iterator[ScopedBase]:
    """The scored demo, with an uplift from -0.1 to 0.2 by the hash of the id."""
    file = shutil.copy2(demo_warehouse, tmp_path / demo_warehouse.name)
    scored = pq.read_table(predictions_file)
    hashed = [int(tie_breaker(one)[:6], 16) / 16**6 for one in scored["customer_id"].to_pylist()]
    uplift = pa.array([round(0.3 * one - 0.1, 6) for one in hashed])
    pq.write_table(scored.append_column("uplift", uplift), tmp_path / "customer_predictions.parquet")
    settings = Settings(dwh_url=f"duckdb:///{file}", predictions_file=tmp_path / "customer_predictions.parquet")
    with closing(Warehouse(settings)) as warehouse:
        yield ScopedBase(warehouse, SegmentationEngine(warehouse, saved), Scope())


def test_an_offer_at_its_cap_goes_to_whom_contact_changes_most(with_uplift: ScopedBase) -> None:
    policy = policy_of({1: {"cap": 50}, 2: {"cap": 200}})
    outcome, market = run(with_uplift, policy), Market(with_uplift, policy)
    given = market.settle()
    assert outcome.goes_by_uplift
    assert counts(outcome) == {offer: sum(one == offer for one in given.values()) for offer in OFFERS}
    harmed = [customer for customer, row in market.rows.items() if (row.uplift or 0) < 0]
    assert outcome.without == {
        "not eligible": 0, "at caps": 0, "not scored": 0, "harmed by contact": len(harmed),
    }  # fmt: skip
    assert 0 < len(harmed) < DEMO_CUSTOMERS
    assert {given[customer] for customer in harmed} == {None}
