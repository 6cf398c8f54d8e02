"""Movement between RFM segments: a base that changes between two runs, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loyalty_core.analytics.rfm import Flow, Movement
from loyalty_core.analytics.rfm.movement import WITHOUT_RFM, read_movement
from loyalty_core.analytics.scope import Scope, ScopedBase
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving.mock import MockModels
from loyalty_core.segments import SegmentationEngine, SegmentDraft
from loyalty_core.warehouse.predictions import ScoringRun, earlier_runs
from tests.ml.bases import base as varied_customers
from tests.ml.bases import fill, predictions
from tests.ml.fixtures import CONTRACT

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.segments import SegmentRepository
    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

    Open = Callable[..., Warehouse]


MODELS = MockModels(dict.fromkeys(CONTRACT.names, "number"))
# Without these, quantiles of the two bases differ, and everybody moves a little.
POINTS = {"recency": [30, 60, 90, 120], "frequency": [2, 5, 10, 20], "monetary": [50, 200, 500, 1000]}


@pytest.fixture
def warehouse(backend: Backend, open_warehouse: Open) -> Warehouse:
    """Scored twice: before and after customers slept, came back, joined and left."""
    before = varied_customers(300)
    fill(backend, before)
    warehouse = open_warehouse(backend.url, rfm_cut_points=POINTS)
    score_base(warehouse, MODELS)
    slept = [
        (c, 150, *rest) if number % 4 == 0 and rest[0] else (c, days, *rest)
        for number, (c, days, *rest) in enumerate(before)
    ]
    back = [
        (c, 3, *rest) if number % 7 == 0 and rest[0] else (c, days, *rest)
        for number, (c, days, *rest) in enumerate(slept)
    ]
    fill(backend, [*back[20:], *((f"n{number}", 5, 1, 40.0, 40, 40.0) for number in range(15))])
    score_base(warehouse, MODELS)
    return warehouse


@pytest.fixture
def since(warehouse: Warehouse) -> ScoringRun:
    [(run, _)] = earlier_runs(warehouse)
    return run


def test_flows_are_those_of_both_runs_laid_side_by_side(warehouse: Warehouse, since: ScoringRun):
    [(_, relation)] = earlier_runs(warehouse)
    then = {row["customer_id"]: row["rfm_segment"] for row in warehouse.rows(relation.select())}
    now = {customer: row["rfm_segment"] for customer, row in predictions(warehouse).items()}
    spent = {row["customer_id"]: row["total_revenue"] for row in warehouse.rows(warehouse.features.select())}
    expected: dict[tuple[str | None, str | None], list[float]] = {}
    for customer in then.keys() | now.keys():
        pair = expected.setdefault((then.get(customer), now.get(customer)), [0, 0.0])
        pair[0] += 1
        pair[1] += spent.get(customer, 0.0)
    movement = read_movement(ScopedBase(warehouse, SegmentationEngine(warehouse), Scope()), since)
    assert movement is not None
    assert {(f.before, f.after): [f.customers, pytest.approx(f.money)] for f in movement.flows} == expected
    assert movement.since == since
    assert movement.customers("new") == 15
    assert movement.money("new") == pytest.approx(15 * 40.0)
    assert movement.customers("gone") == 20
    assert movement.money("gone") == 0
    assert movement.customers("stronger") > 0
    assert movement.customers("weaker") > 0
    assert sum(flow.customers for flow in movement.flows) == 315
    assert movement.before("Loyal") == list(then.values()).count("Loyal")
    assert [flow.customers for flow in movement.flows] == sorted((f.customers for f in movement.flows), reverse=True)


def test_a_segment_as_scope_has_no_leavers(warehouse: Warehouse, since: ScoringRun, saved: SegmentRepository):
    engine = SegmentationEngine(warehouse, saved)
    rich = engine.create(SegmentDraft("Rich", {">": [{"var": "total_revenue"}, 800]}), actor="ann")
    movement = read_movement(ScopedBase(warehouse, engine, Scope(rich.id)), since)
    assert movement is not None
    assert movement.customers("gone") == movement.customers("new") == 0
    assert sum(flow.customers for flow in movement.flows) == engine.count(rich.rule) > 0


def test_who_came_after_the_last_run_is_in_neither(backend: Backend, warehouse: Warehouse, since: ScoringRun):
    backend.execute("INSERT INTO customer_features_view VALUES ('late', 1, 1, 5, 5, 5)")
    movement = read_movement(ScopedBase(warehouse, SegmentationEngine(warehouse), Scope()), since)
    assert movement is not None
    assert sum(flow.customers for flow in movement.flows) == 315


def test_a_run_without_rfm_is_named(backend: Backend, open_warehouse: Open):
    fill(backend, varied_customers(20))
    score_base(open_warehouse(backend.url, rfm_columns={"monetary": "nothing"}), MODELS)
    warehouse = open_warehouse(backend.url)
    score_base(warehouse, MODELS)
    [(run, _)] = earlier_runs(warehouse)
    movement = read_movement(ScopedBase(warehouse, SegmentationEngine(warehouse), Scope()), run)
    assert movement is not None
    assert {flow.before for flow in movement.flows} == {WITHOUT_RFM}
    assert movement.customers("other") == 20


def test_a_run_that_has_been_removed_has_no_movement(warehouse: Warehouse, since: ScoringRun):
    base = ScopedBase(warehouse, SegmentationEngine(warehouse), Scope())
    assert read_movement(base, ScoringRun(since.scored_at, ("another",))) is None


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("Loyal", "Loyal", "stayed"),
        ("Loyal", "Champions", "stronger"),
        ("Loyal", "At Risk", "weaker"),
        ("No Purchases", "New", "stronger"),
        ("New", "No Purchases", "weaker"),
        ("Cherished", "Loyal", "other"),
        ("Cherished", "Cherished", "stayed"),
        (None, "New", "new"),
        ("Lost", None, "gone"),
    ],
)
def test_kinds_of_moves(before: str | None, after: str | None, kind: str):
    flow = Flow(before, after, 3, 7.0)
    movement = Movement(ScoringRun, (flow,))  # pyright: ignore[reportArgumentType]
    assert flow.kind == kind
    assert movement.customers(flow.kind) == 3
    assert movement.money(flow.kind) == 7.0
    assert movement.moves == ((flow,) if kind in {"stronger", "weaker", "other"} else ())
