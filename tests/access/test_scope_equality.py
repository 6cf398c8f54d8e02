"""A viewer with a scope reads what a warehouse with only those customers has, whatever is asked."""

from __future__ import annotations

import dataclasses
import io
import json
import random
import shutil
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from loyalty_core.access import Scope as ViewerScope
from loyalty_core.analytics.churn.figures import read_curve, read_loss_bins
from loyalty_core.analytics.churn.groups import risk_by_category
from loyalty_core.analytics.churn.selection import customers_by_loss
from loyalty_core.analytics.offers import OfferTerms, Policy, arbitrate, bind_policy
from loyalty_core.analytics.offers.mix import offer_mix
from loyalty_core.analytics.overview import read_outlook
from loyalty_core.analytics.rfm.figures import read_rfm
from loyalty_core.analytics.scope import Scope, ScopedBase
from loyalty_core.errors import CustomerNotFound
from loyalty_core.rules import RuleError
from loyalty_core.segments import SegmentationEngine, SegmentRepository, Selection
from loyalty_core.settings import Settings
from loyalty_core.warehouse import FeatureStore, RestrictedWarehouse, Restriction, Warehouse
from loyalty_core.warehouse.columns import customers_by_month, histogram, percentile_ranks, quantile
from loyalty_core.warehouse.customers import Transactions, key_figures, top_customers
from loyalty_core.warehouse.offers import offer_facts
from tests.rules.random_rules import DemoRules, TestColumn
from tests.segments.scored import keep, segment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from loyalty_core.rules import Rule
    from loyalty_core.segments.fields import RuleFields

pytestmark = pytest.mark.extended


IN_SCOPE, OUTSIDE = {"==": [{"var": "country"}, "Norway"]}, {"!=": [{"var": "country"}, "Norway"]}
# Those of the whole base, which a warehouse with a part of it does not know.
CUT_POINTS = {"recency": (30, 60, 120, 240), "frequency": (2, 4, 8, 16), "monetary": (50, 150, 400, 900)}
PAGE: Any = {"sort": "total_revenue", "descending": True, "columns": ["customer_id", "country", "churn_probability"]}
# Previews, profiles and exports, which read all columns, are asked for a few of the rules.
EVERY = 20
# Rules in one statement, which takes hardly longer than one rule in a statement of its own.
TOGETHER = 25


@dataclasses.dataclass(frozen=True)
class Pair:
    """The same customers read by a viewer with a scope, and in a warehouse that has no others."""

    scoped: Warehouse
    alone: Warehouse

    def engines(self, repository: SegmentRepository | None = None) -> tuple[SegmentationEngine, SegmentationEngine]:
        return SegmentationEngine(self.scoped, repository), SegmentationEngine(self.alone, repository)

    def bases(self) -> tuple[ScopedBase, ScopedBase]:
        one, other = self.engines()
        return ScopedBase(self.scoped, one, Scope()), ScopedBase(self.alone, other, Scope())


@pytest.fixture(scope="module")
def pair(demo_warehouse: Path, predictions_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("alone")
    file = shutil.copy(demo_warehouse, folder / "warehouse.duckdb")
    with duckdb.connect(str(file)) as connection:
        connection.execute("""
            CREATE TABLE norwegians AS SELECT * FROM customer_features_view WHERE country = 'Norway';
            DROP VIEW customer_features_view;
            CREATE VIEW customer_features_view AS SELECT * FROM norwegians;
            DELETE FROM transactions WHERE customer_id NOT IN (SELECT customer_id FROM norwegians);
        """)
        ids = [customer_id for (customer_id,) in connection.execute("SELECT customer_id FROM norwegians").fetchall()]
    predictions = pq.read_table(predictions_file)
    of_them = predictions.filter(pc.field("customer_id").isin(ids))
    pq.write_table(of_them, folder / "customer_predictions.parquet")
    common: dict[str, Any] = {"models_dir": folder, "rfm_cut_points": CUT_POINTS}
    whole = Warehouse(Settings(dwh_url=f"duckdb:///{demo_warehouse}", predictions_file=predictions_file, **common))
    alone = Warehouse(Settings(dwh_url=f"duckdb:///{file}", **common))
    yield Pair(RestrictedWarehouse(whole, Restriction(ViewerScope.of(IN_SCOPE), hides_personal_data=False)), alone)
    whole.close()
    alone.close()


# What a warehouse of its own has of its own: times, the relation, comments, and cut points, which count the whole base.
NOT_COMPARED = frozenset({"read_at", "view", "description", "cut_points"})


def shown(figures: Any) -> Any:
    """The figures as they are compared: sums of floats depend on their order."""
    if dataclasses.is_dataclass(figures) and not isinstance(figures, type):
        names = {field.name for field in dataclasses.fields(figures)} - NOT_COMPARED
        return {name: shown(getattr(figures, name)) for name in sorted(names)}
    if isinstance(figures, dict):
        return {key: shown(value) for key, value in figures.items()}
    if isinstance(figures, list | tuple):
        return [shown(part) for part in figures]
    return f"{figures:.9g}" if isinstance(figures, float) else figures


def ask_both(pair: Pair, rules: Sequence[Any]) -> int:
    """Compare the answers about the rules; returns how many of them hold for some of the customers only."""
    usable = usable_rules(pair, rules)
    for rule in list(usable)[::EVERY]:
        ask_everything(pair, json.loads(rule))
    starts = range(0, len(usable), TOGETHER)
    return sum(ask_together(pair, dict(list(usable.items())[start : start + TOGETHER])) for start in starts)


def usable_rules(pair: Pair, rules: Sequence[Any]) -> dict[str, tuple[Rule, ...]]:
    """The rules, as JSON, that both engines can use, as each of them has compiled them; neither can use the others."""
    fields = [engine.read_fields() for engine in pair.engines()]
    found = {}
    for rule in rules:
        compiled = [compiled_by(one, rule) for one in fields]
        bound = tuple(one for one in compiled if not isinstance(one, set))
        if bound:
            found[json.dumps(rule)] = bound
        assert len(bound) in {0, 2}, rule
        assert all(one <= {"wrong_type", "too_large"} for one in compiled if isinstance(one, set)), compiled
    return found


def compiled_by(fields: RuleFields, rule: Any) -> Rule | set[str]:
    """The rule, or the codes of its faults."""
    try:
        return fields.compile(rule)
    except RuleError as error:
        return {fault.code for fault in error.faults}


def ask_together(pair: Pair, rules: Mapping[str, tuple[Rule, ...]]) -> int:
    """Who belongs to each of the rules, with values of theirs, and how many: a statement each for all of the rules."""
    members = []
    for side, (engine, warehouse) in enumerate(zip(pair.engines(), (pair.scoped, pair.alone), strict=True)):
        marked = engine.marked_customers([bound[side] for bound in rules.values()], PAGE["columns"])
        members.append(sorted(warehouse.fetch_arrow(marked).to_pylist(), key=lambda row: row["customer_id"]))
    assert members[0] == members[1], list(rules)
    counts = {rule: sum(row[f"mark_{index}"] for row in members[0]) for index, rule in enumerate(rules)}
    customers, counted = pair.engines()[0].count_each({rule: json.loads(rule) for rule in rules})
    assert (customers, counted) == (len(members[0]), counts)
    return sum(0 < count < customers for count in counts.values())


def ask_everything(pair: Pair, rule: Any) -> None:
    scoped, alone = pair.engines()
    one, other = scoped.select(rule), alone.select(rule)
    found = one.preview()
    assert found == other.preview(), rule
    assert one.members(7, 2, **PAGE) == other.members(7, 2, **PAGE), rule
    assert one.count() == other.count() == scoped.count({"or": [rule, OUTSIDE]}) == found.members, rule
    assert scoped.count({"!": rule}) == found.customers - found.members, rule
    assert profiled(one) == profiled(other), rule
    assert exported(one) == exported(other), rule


def profiled(selection: Selection) -> dict[str, Any]:
    """The profile; equally typical values are in no order."""
    profile = shown(selection.profile())
    return {name: sorted(part, key=repr) if isinstance(part, list) else part for name, part in profile.items()}


def exported(selection: Selection) -> list[dict[str, Any]]:
    file = io.BytesIO()
    selection.export(file, "parquet")
    return sorted(pq.read_table(file).to_pylist(), key=lambda row: row["customer_id"])


def random_rules(warehouse: Warehouse, seed: int, number: int) -> list[Any]:
    """Rules over features and predictions with values that customers in scope have."""
    fields = SegmentationEngine(warehouse).read_fields()
    named = [field for field in fields.columns if field.name != "customer_id"]
    relation = fields.relation([field.name for field in named])
    columns = [
        TestColumn(field.name, field.kind, None, values_of(warehouse, relation.c[field.name])) for field in named
    ]
    maker = DemoRules(tuple(column for column in columns if len(column.values) > 1), random.Random(seed))
    return [maker.rule(3) for _ in range(number)]


def values_of(warehouse: Warehouse, column: sa.ColumnElement[Any]) -> tuple[Any, ...]:
    value = column.label("value")
    rows = warehouse.rows(sa.select(value).where(column.is_not(None)).distinct().order_by(value).limit(50))
    values = (row["value"] for row in rows)
    return tuple(float(value) if isinstance(value, Decimal) else value for value in values)


def test_random_rules(pair: Pair):
    assert ask_both(pair, random_rules(pair.scoped, 5, 100)) > 50


@pytest.mark.slow
def test_many_random_rules(pair: Pair):
    assert ask_both(pair, random_rules(pair.scoped, 6, 1_000)) > 500


def test_columns_and_their_distributions(pair: Pair):
    assert shown(pair.scoped.catalog()) == shown(pair.alone.catalog())
    assert shown(pair.engines()[0].fields()) == shown(pair.engines()[1].fields())
    for column in pair.alone.columns():
        if column.kind == "number":
            assert shown(histogram(pair.scoped, column.name)) == shown(histogram(pair.alone, column.name))
            assert quantile(pair.scoped, column.name, 0.9) == quantile(pair.alone, column.name, 0.9)
        if column.kind == "date":
            assert customers_by_month(pair.scoped, column.name) == customers_by_month(pair.alone, column.name)


def test_key_figures_lists_and_purchases(pair: Pair):
    assert shown(key_figures(pair.scoped)) == shown(key_figures(pair.alone))
    top = top_customers(pair.scoped)
    assert top == top_customers(pair.alone)
    assert shown(percentile_ranks(pair.scoped, top[0])) == shown(percentile_ranks(pair.alone, top[0]))
    one, other = FeatureStore(pair.scoped), FeatureStore(pair.alone)
    for text in ("a", "berg", top[3]["customer_id"], top[4]["full_name"]):
        assert (one.count_found(text), one.search(text, 5)) == (other.count_found(text), other.search(text, 5))
    purchases, of_them = Transactions.find(pair.scoped), Transactions.find(pair.alone)
    assert purchases is not None and of_them is not None
    assert shown(purchases.by_month()) == shown(of_them.by_month())
    assert purchases.latest(top[0]["customer_id"]) == of_them.latest(top[0]["customer_id"])


def test_nobody_else_is_found(pair: Pair):
    outside = pair.scoped.whole.rows(
        sa.select(pair.scoped.whole.customer_id.label("id")).where(pair.scoped.whole.features.c.country != "Norway")
    )
    ids = [row["id"] for row in outside]
    assert FeatureStore(pair.scoped).get_many(ids) == {}
    purchases = Transactions.find(pair.scoped)
    assert purchases is not None
    assert not any(purchases.latest(one) for one in ids[:20])
    with pytest.raises(CustomerNotFound):
        pair.engines()[0].select({}).explain(ids[0])
    assert pair.engines()[0].select({}).belonging(ids[:5])[1] == tuple(ids[:5])


def test_churn_offers_and_rfm(pair: Pair):
    one, other = pair.bases()
    assert shown(read_curve(one, "total_revenue")) == shown(read_curve(other, "total_revenue"))
    assert shown(read_loss_bins(one, "total_revenue")) == shown(read_loss_bins(other, "total_revenue"))
    assert shown(risk_by_category(one, "city", 10)) == shown(risk_by_category(other, "city", 10))
    table = ["total_revenue", ["customer_id", "country"], "high", 20, 0]
    assert customers_by_loss(one, *table) == customers_by_loss(other, *table)
    assert shown(read_rfm(one)) == shown(read_rfm(other))
    assert shown(read_outlook(pair.scoped)) == shown(read_outlook(pair.alone))
    facts = offer_facts(pair.scoped)
    assert facts == offer_facts(pair.alone)
    mix = offer_mix(one, facts)
    assert shown(mix) == shown(offer_mix(other, facts))
    terms = {offer.offer_id: OfferTerms(value=10.0 + offer.offer_id, cap=25) for offer in mix.offers}
    given = [arbitrate(base, bind_policy(Policy(terms), base.engine)) for base in (one, other)]
    assert shown(given[0]) == shown(given[1])


def test_segments_that_read_others(pair: Pair, saved: SegmentRepository):
    one, other = pair.engines(saved)
    keep(one, "Rich", {">": [{"var": "total_revenue"}, 800]})
    keep(one, "Anybody", {"or": [segment("rich"), OUTSIDE, {"!": IN_SCOPE}]})
    rules = {"rich": segment("rich"), "anybody": segment("anybody"), "neither": segment("anybody", False)}
    assert one.overlap(rules) == other.overlap(rules)
    assert one.count_each(rules) == other.count_each(rules)
    assert one.near_duplicates(rules["rich"]) == other.near_duplicates(rules["rich"])
