"""The recommended offers in scope: every figure is that of SQL written by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loyalty_core.analytics.offers import BINS, MAX_SEGMENTS, OfferFigures, OfferMix
from loyalty_core.analytics.offers.fields import offer_ids
from loyalty_core.analytics.offers.mix import offer_mix, offers_by_segment, value_of
from loyalty_core.analytics.scope import Scope, ScopedBase
from loyalty_core.ml.bundles import activate, load_bundle, write_bundle
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving.mock import MockModels
from loyalty_core.segments import SegmentationEngine
from loyalty_core.segments.errors import PredictionsMissing
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.offers import OfferFacts, offer_facts
from tests.ml.bases import base as varied_customers
from tests.ml.bases import fill
from tests.ml.fixtures import CONTRACT, bundle_parts
from tests.segments.scored import keep
from tests.workbench import DEMO_CUSTOMERS, Query

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fixtures.warehouses import Backend

OFFERS = range(1, 9)
RICH, SLEEPING = {">": [{"var": "total_revenue"}, 800]}, {">": [{"var": "days_since_last_transaction"}, 120]}
IN_RICH = "total_revenue > 800"


@pytest.fixture
def everyone(scored_demo: Warehouse, engine: SegmentationEngine) -> ScopedBase:
    return ScopedBase(scored_demo, engine, Scope())


@pytest.fixture
def rich(scored_demo: Warehouse, engine: SegmentationEngine) -> ScopedBase:
    keep(engine, "Rich", RICH)
    return ScopedBase(scored_demo, engine, Scope("rich"))


def models_dir(folder: Path) -> Path:
    """A models folder with an active version that has no uptake model."""
    activate(folder, write_bundle(folder, bundle_parts()), by="test")
    return folder


def assert_figures(mix: OfferMix, sql: Query, where: str) -> None:
    [(customers, mean, lowest, highest, basket)] = sql(
        "SELECT count(*), avg(confidence), min(confidence), max(confidence), "
        f"sum(total_revenue) / sum(transaction_count) FROM customers WHERE {where}"
    )
    assert (mix.customers, mix.with_offer) == (customers, customers)
    assert mix.mean_confidence == pytest.approx(mean, rel=1e-9)
    assert mix.confidence_range == (lowest, highest)
    assert mix.basket == pytest.approx(basket, rel=1e-9)
    assert [offer.offer_id for offer in mix.offers] == list(OFFERS)
    for offer in mix.offers:
        name = f"offer_{offer.offer_id}::DOUBLE"
        [(recommended, mean, total, variance, cost, margin)] = sql(
            f"SELECT count(*) FILTER (recommended_offer = {offer.offer_id}), avg({name}), "
            f"coalesce(sum({name} * offer_uptake) FILTER (recommended_offer = {offer.offer_id}), 0), "
            f"coalesce(sum({name} * offer_uptake * (1 - {name} * offer_uptake)) "
            f"FILTER (recommended_offer = {offer.offer_id}), 0), "
            f"any_value(cost), any_value(margin) FROM customers, offers WHERE offer_id = {offer.offer_id} AND {where}"
        )
        value = float(basket) * float(margin) - float(cost)
        assert offer.customers == recommended
        assert offer.share == pytest.approx(recommended / customers)
        assert offer.mean_propensity == pytest.approx(mean, rel=1e-9)
        assert offer.value.is_known
        assert offer.value.amount == pytest.approx(value, rel=1e-9)
        assert offer.conversions == pytest.approx(total, rel=1e-9)
        assert offer.variance == pytest.approx(variance, rel=1e-9)
        assert offer.expected_value == pytest.approx(total * value, rel=1e-9)
    assert mix.expected_value == pytest.approx(sum(offer.expected_value or 0 for offer in mix.offers))
    [(takers, spread)] = sql(
        "SELECT sum(offer_uptake), 1.6448536269514722 * sqrt(sum(c * (1 - c))) "
        f"FROM (SELECT *, confidence * offer_uptake AS c FROM customers WHERE {where})"
    )
    assert mix.takers == pytest.approx(takers, rel=1e-9)
    assert mix.conversions is not None
    assert mix.conversions_interval == pytest.approx((mix.conversions - spread, mix.conversions + spread), rel=1e-5)


def test_every_figure_of_the_base(everyone: ScopedBase, sql: Query):
    mix = offer_mix(everyone, offer_facts(everyone.warehouse))
    assert mix.customers == DEMO_CUSTOMERS
    assert_figures(mix, sql, "true")
    expected = sql(f"SELECT floor(round(confidence * {BINS}, 9))::INT AS bin, count(*) FROM customers GROUP BY 1")
    counts = [0] * BINS
    for place, customers in expected:
        counts[min(place, BINS - 1)] += customers
    assert mix.confidence == tuple(counts)
    [(top,)] = sql("SELECT recommended_offer FROM customers GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")
    assert mix.top is not None
    assert mix.top.offer_id == top
    assert not mix.is_lopsided
    assert not mix.is_uniform


def test_every_figure_of_a_segment(rich: ScopedBase, sql: Query):
    mix = offer_mix(rich, offer_facts(rich.warehouse))
    assert 0 < mix.customers < DEMO_CUSTOMERS
    assert_figures(mix, sql, IN_RICH)


def test_a_scope_without_customers(scored_demo: Warehouse, engine: SegmentationEngine):
    keep(engine, "Nobody", {"<": [{"var": "total_revenue"}, -1]})
    mix = offer_mix(ScopedBase(scored_demo, engine, Scope("nobody")), offer_facts(scored_demo))
    assert (mix.customers, mix.with_offer, mix.top, mix.mean_confidence, mix.basket) == (0, 0, None, None, None)
    assert mix.confidence == (0,) * BINS
    assert mix.expected_value == 0
    assert not mix.is_uniform


def test_shares_of_the_best_offers_in_segments(everyone: ScopedBase, engine: SegmentationEngine, sql: Query):
    keep(engine, "Rich", RICH)
    keep(engine, "Sleeping", SLEEPING)
    found = {one.segment_id: one for one in offers_by_segment(everyone, ["rich", "sleeping"])}
    for segment_id, where in (("rich", IN_RICH), ("sleeping", "days_since_last_transaction > 120")):
        expected = dict(sql(f"SELECT recommended_offer, count(*) FROM customers WHERE {where} GROUP BY 1"))
        assert found[segment_id].by_offer == expected
        total = sum(expected.values())
        assert found[segment_id].customers == total
        assert [found[segment_id].share(one) for one in OFFERS] == [expected.get(one, 0) / total for one in OFFERS]


def test_segments_are_counted_within_the_scope(rich: ScopedBase, sql: Query):
    keep(rich.engine, "Sleeping", SLEEPING)
    [sleeping] = offers_by_segment(rich, ["sleeping"])
    [(members,)] = sql(f"SELECT count(*) FROM customers WHERE {IN_RICH} AND days_since_last_transaction > 120")
    assert sleeping.customers == members
    assert offers_by_segment(rich, []) == []


def test_no_more_segments_than_fit_on_a_screen(everyone: ScopedBase, engine: SegmentationEngine):
    ids = [keep(engine, f"Over {limit}", {">": [{"var": "total_revenue"}, limit]}).id for limit in range(14)]
    assert [one.segment_id for one in offers_by_segment(everyone, ids)] == ids[:MAX_SEGMENTS]


@pytest.mark.parametrize(
    ("facts", "basket", "amount", "is_known"),
    [
        (OfferFacts(cost=4.0, margin=0.25), 40.0, 6.0, True),
        (OfferFacts(margin=0.25), 40.0, 10.0, True),
        (OfferFacts(cost=15.0, margin=0.1), 40.0, -11.0, True),
        (OfferFacts(cost=4.0), 40.0, 1.0, False),
        (OfferFacts(cost=4.0, margin=0.25), None, 1.0, False),
        (None, 40.0, 1.0, False),
    ],
)
def test_value_is_basket_times_margin_less_cost(
    facts: OfferFacts | None, basket: float | None, amount: float, is_known: bool
):
    value = value_of(facts, basket)
    assert (value.amount, value.is_known) == (pytest.approx(amount), is_known)


def test_the_same_figures_on_both_databases_without_an_offers_table(
    backend: Backend, open_warehouse: Callable[..., Warehouse], tmp_path: Path
):
    fill(backend, varied_customers(300))
    warehouse = open_warehouse(
        backend.url, predictions_file=tmp_path / "customer_predictions.parquet", models_dir=tmp_path
    )
    assert offer_facts(warehouse) == {}
    score_base(warehouse, MockModels(dict.fromkeys(CONTRACT.names, "number")))
    base = ScopedBase(warehouse, SegmentationEngine(warehouse), Scope())
    assert offer_ids(base) == tuple(OFFERS)
    mix = offer_mix(base, {})
    assert mix.customers == 300
    assert sum(mix.confidence) == mix.with_offer == sum(offer.customers for offer in mix.offers)
    assert {offer.value.amount for offer in mix.offers} == {1.0}
    sure = mix.mean_confidence
    assert sure is not None
    # At a value of 1 each, what is expected is the number of conversions.
    assert mix.expected_value == mix.conversions
    assert mix.mean_uptake is not None
    assert 0 < mix.mean_uptake * sure < 1
    assert {type(offer.expected_value) for offer in mix.offers} == {float}


def test_without_an_uptake_model_there_are_no_conversions_and_no_money(
    backend: Backend, open_warehouse: Callable[..., Warehouse], tmp_path: Path
):
    fill(backend, varied_customers(300))
    warehouse = open_warehouse(backend.url)
    score_base(warehouse, load_bundle(models_dir(tmp_path)))
    mix = offer_mix(ScopedBase(warehouse, SegmentationEngine(warehouse), Scope()), {1: OfferFacts(cost=1, margin=0.5)})
    assert mix.mean_confidence is not None
    assert mix.with_offer > 0
    assert (mix.mean_uptake, mix.takers, mix.conversions) == (None, None, None)
    assert (mix.conversions_interval, mix.expected_value) == (None, None)


def test_before_the_first_scoring_run(demo_warehouse: Path, tmp_path: Path):
    warehouse = Warehouse(Settings(dwh_url=f"duckdb:///{demo_warehouse}", predictions_file=tmp_path / "none.parquet"))
    base = ScopedBase(warehouse, SegmentationEngine(warehouse), Scope())
    assert offer_ids(base) == ()
    with pytest.raises(PredictionsMissing):
        offer_mix(base, {})
    warehouse.close()


def test_what_is_degenerate():
    def mix(*customers: int, spread: tuple[float, float] = (0.1, 0.9)) -> OfferMix:
        total = sum(customers)
        offers = tuple(
            figures(offer, count, count / total if total else 0.0) for offer, count in enumerate(customers, start=1)
        )
        return OfferMix(total, total, offers, (0,) * BINS, 0.5, spread, None)

    def figures(offer: int, customers: int, share: float) -> OfferFigures:
        return OfferFigures(offer, customers, share, 0.1, value_of(None, None), 1.0, 0.0)

    assert not mix(80, 20).is_lopsided
    assert mix(81, 19).is_lopsided
    assert not mix(1, 0).is_lopsided
    assert mix(5, 5, spread=(0.3, 0.3)).is_uniform
    assert not mix(5, 5).is_uniform
