"""Own RFM cells in analyses: what they would change, and that a run is described by the map it was made with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loyalty_core.analytics.rfm import RfmChange
from loyalty_core.analytics.rfm.figures import read_rfm
from loyalty_core.analytics.rfm.preview import SegmentSize, preview_change
from loyalty_core.analytics.scope import Scope, ScopedBase
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving.mock import MockModels
from loyalty_core.rfm import (
    CellRule,
    RfmMap,
    RfmMapRepository,
    Scores,
    SegmentText,
    apply_rule,
    compute_cut_points,
    score_one,
)
from loyalty_core.rfm.cells import CELL_NAMES
from loyalty_core.segments import SegmentationEngine
from loyalty_core.store import StateStore
from tests.ml.bases import COLUMNS, fill
from tests.ml.bases import base as varied_customers
from tests.ml.fixtures import CONTRACT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend


OWN = RfmMap(
    apply_rule(CELL_NAMES, CellRule("Whales", monetary=Scores(5, 5))),
    {"recency": (10.0, 20.0, 30.0, 40.0)},
    {"Whales": SegmentText("Spend most.", "Call them.")},
)


@pytest.fixture
def warehouse(backend: Backend, tmp_path: Path, open_warehouse: Callable[..., Warehouse]) -> Warehouse:
    fill(backend, varied_customers())
    return open_warehouse(backend.url, state_database_url=f"sqlite:///{tmp_path / 'state.db'}")


def test_the_preview_agrees_with_scoring_each_customer(warehouse: Warehouse) -> None:
    points = compute_cut_points(warehouse)
    names = [column.split(" ")[0] for column in COLUMNS.split(", ") if " " in column]
    rows = [dict(zip(names, row, strict=False)) for row in varied_customers()]
    pairs = [(score_one(row, points), score_one(row, OWN.apply(points))) for row in rows]
    change = preview_change(warehouse, None, OWN)
    assert change.customers == len(pairs) == 500
    assert change.other_score == sum(old[:3] != new[:3] for old, new in pairs) > 0
    assert change.other_segment == sum(old.segment != new.segment for old, new in pairs) > 0
    sizes = {size.name: (size.before, size.after) for size in change.sizes}
    for name, size in sizes.items():
        assert size == tuple(sum(pair[side].segment == name for pair in pairs) for side in (0, 1))
    assert sizes["Whales"][0] == 0 < sizes["Whales"][1]
    assert sizes["No Purchases"] == (50, 50)


def test_the_same_map_changes_no_customer(warehouse: Warehouse) -> None:
    change = preview_change(warehouse, OWN, OWN)
    assert (change.customers, change.other_score, change.other_segment) == (500, 0, 0)
    back = preview_change(warehouse, OWN, None)
    there = preview_change(warehouse, None, OWN)
    assert back == RfmChange(
        500,
        there.other_score,
        there.other_segment,
        tuple(SegmentSize(size.name, size.after, size.before) for size in there.sizes),
    )


def test_a_run_is_described_by_the_map_it_was_made_with(warehouse: Warehouse) -> None:
    with StateStore(warehouse.settings.state_database_url) as store:
        store.migrate()
        maps = RfmMapRepository(store)
        maps.save(OWN, actor="ann", expected_version=0)
        score_base(warehouse, MockModels(dict.fromkeys(CONTRACT.names, "number")))
        maps.reset(actor="ann")
    figures = read_rfm(ScopedBase(warehouse, SegmentationEngine(warehouse), Scope()))
    assert figures.cut_points.recency == (10.0, 20.0, 30.0, 40.0)
    assert figures.cut_points.custom == ("recency",)
    advice = {segment.name: segment.advice for segment in figures.segments()}
    assert advice["Whales"] == "Call them."
    assert advice["Hibernating"].startswith("Remind them")
    score_base(warehouse, MockModels(dict.fromkeys(CONTRACT.names, "number")))
    figures = read_rfm(ScopedBase(warehouse, SegmentationEngine(warehouse), Scope()))
    assert figures.cut_points.custom == ()
    assert "Whales" not in {segment.name for segment in figures.segments()}
