"""What Overview says of the last two scoring runs, beside SQL of its own and beside the rows themselves."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from loyalty_core.analytics.overview import Outlook, Tally, read_outlook, top_segments
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving.mock import MockModels
from loyalty_core.ml.tasks import RISKS
from loyalty_core.warehouse.predictions import earlier_runs, last_run
from tests.ml.bases import base as varied_customers
from tests.ml.bases import fill, predictions
from tests.ml.fixtures import CONTRACT
from tests.segments.scored import keep

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.segments import SegmentationEngine, SegmentRepository
    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend
    from tests.workbench import Query

    Open = Callable[..., Warehouse]


MODELS = MockModels(dict.fromkeys(CONTRACT.names, "number"))
RULE = {">": [{"var": "total_revenue"}, 0]}


def outlook_of(warehouse: Warehouse) -> Outlook:
    outlook = read_outlook(warehouse)
    assert outlook is not None
    return outlook


def counts(tallies: tuple[Tally, ...]) -> dict[object, int]:
    return {tally.value: tally.customers for tally in tallies}


def test_one_run_is_what_sql_counts(scored_demo: Warehouse, sql: Query):
    outlook = outlook_of(scored_demo)
    [(customers, churners)] = sql("SELECT count(*), sum(churn_probability) FROM customers")
    assert outlook.customers == customers == 2_000
    assert outlook.churners == pytest.approx(churners)
    for tallies, column in (
        (outlook.risks, "churn_risk"),
        (outlook.offers, "recommended_offer"),
        (outlook.rfm_segments, "rfm_segment"),
    ):
        expected = sql(f"SELECT {column}, count(*), count(*) / 2000 FROM customers GROUP BY 1")
        assert {(t.value, t.customers, t.share) for t in tallies} == set(expected)
        assert {t.change for t in tallies} == {None}
    assert outlook.before is None
    assert outlook.churners_change is None


def test_their_order(scored_demo: Warehouse):
    outlook = outlook_of(scored_demo)
    assert [t.value for t in outlook.risks] == [risk for risk in reversed(RISKS) if risk in counts(outlook.risks)]
    assert outlook.rfm_segments[0].value == "Champions"
    sizes = [t.customers for t in outlook.offers]
    assert sizes == sorted(sizes, reverse=True)


def test_two_runs_are_compared(backend: Backend, open_warehouse: Open):
    before = varied_customers(300)
    fill(backend, before)
    warehouse = open_warehouse(backend.url)
    score_base(warehouse, MODELS)
    fill(backend, [(c, 190 if days else None, *rest) for c, days, *rest in before[60:]])
    score_base(warehouse, MODELS)
    outlook = outlook_of(warehouse)

    [(run, relation)] = earlier_runs(warehouse)
    then, now = warehouse.rows(relation.select()), list(predictions(warehouse).values())
    assert (outlook.run, outlook.before) == (last_run(warehouse), run)
    assert (len(then), outlook.customers) == (300, 240)
    assert outlook.churners == pytest.approx(sum(row["churn_probability"] for row in now))
    assert outlook.churners_before == pytest.approx(sum(row["churn_probability"] for row in then))
    assert outlook.churners_change == outlook.churners - outlook.churners_before != 0
    for tallies, name in (
        (outlook.risks, "churn_risk"),
        (outlook.offers, "recommended_offer"),
        (outlook.rfm_segments, "rfm_segment"),
    ):
        had, has = (Counter(row[name] for row in rows) for rows in (then, now))
        assert {t.value: (t.customers, t.before, t.change) for t in tallies} == {
            value: (has[value], had[value], has[value] - had[value]) for value in had.keys() | has.keys()
        }
        assert any(t.change for t in tallies)


def test_who_left_the_base_after_scoring_is_not_counted(backend: Backend, open_warehouse: Open):
    fill(backend, varied_customers(50))
    warehouse = open_warehouse(backend.url)
    score_base(warehouse, MODELS)
    backend.execute("DELETE FROM customer_features_view WHERE customer_id IN ('c1', 'c2')")
    outlook = outlook_of(warehouse)
    stayed = [row for customer, row in predictions(warehouse).items() if customer not in {"c1", "c2"}]
    assert outlook.customers == 48
    assert counts(outlook.risks) == Counter(row["churn_risk"] for row in stayed)


def test_a_run_before_without_rfm_has_nothing_to_compare(backend: Backend, open_warehouse: Open):
    fill(backend, varied_customers(20))
    score_base(open_warehouse(backend.url, rfm_columns={"monetary": "nothing"}), MODELS)
    warehouse = open_warehouse(backend.url)
    score_base(warehouse, MODELS)
    outlook = outlook_of(warehouse)
    assert sum(counts(outlook.rfm_segments).values()) == 20
    assert {t.change for t in outlook.rfm_segments} == {None}
    assert {t.change for t in outlook.risks} == {0}


def test_nothing_before_the_first_run(backend: Backend, open_warehouse: Open):
    fill(backend, varied_customers(5))
    assert read_outlook(open_warehouse(backend.url)) is None


def test_top_segments(engine: SegmentationEngine, saved: SegmentRepository):
    for name, sizes in {"Small": [5], "Large": [90, 70], "Uncounted": [], "Middle": [10, 30, 40]}.items():
        segment = keep(engine, name, RULE)
        for size in sizes:
            members = [[str(number) for number in range(size)]]
            saved.replace_members(segment.id, members, base=200, version=segment.version, cause="on demand")
    found = top_segments(saved.list(), limit=2)
    assert [(s.id, s.name, s.customers, s.share, s.change, s.is_stale) for s in found] == [
        ("large", "Large", 70, 0.35, -20, False),
        ("middle", "Middle", 40, 0.2, 10, False),
    ]
    assert [(s.name, s.change) for s in top_segments(saved.list(), limit=9)][2:] == [("Small", None)]
