"""Who gets another answer: against the answers that scoring writes for each customer with either version."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.ml.bundles import load_bundle, write_bundle
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.tasks import RISKS
from loyalty_core.ml.versions.consequences import BASE_NAME, all_offers, count_shifts
from loyalty_core.segments import SegmentationEngine, SegmentDraft, SegmentRepository
from tests.ml.bases import base, fill, predictions
from tests.ml.fixtures import bundle_parts, other_parts, without_nbo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.ml.bundles import Bundle
    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend


RICH = {">": [{"var": "total_revenue"}, 2_000]}
NEVER_BOUGHT = {"==": [{"var": "days_since_last_transaction"}, None]}


def counted(pairs: list[tuple[Any, Any]], answers: tuple[Any, ...]) -> list[list[int]]:
    found = Counter(pairs)
    return [[found[before, after] for after in answers] for before in answers]


@pytest.fixture
def bundles(tmp_path: Path) -> tuple[Bundle, Bundle]:
    models = tmp_path / "models"
    return tuple(load_bundle(models, write_bundle(models, parts)) for parts in (other_parts(), bundle_parts()))


def test_the_base_and_each_segment(
    backend: Backend,
    open_warehouse: Callable[..., Warehouse],
    bundles: tuple[Bundle, Bundle],
    saved: SegmentRepository,
):
    rows = base()
    fill(backend, rows)
    warehouse = open_warehouse(backend.url)
    version, against = bundles
    engine = SegmentationEngine(warehouse, saved)
    for name, rule in (("Rich", RICH), ("Never bought", NEVER_BOUGHT)):
        engine.create(SegmentDraft(name, rule), actor="ann")
    reported: list[int] = []
    shifts = count_shifts(warehouse, engine, engine.usable(saved.list()), version, against, reported.append)

    of_version = (score_base(warehouse, version), predictions(warehouse))[1]
    warehouse.forget()
    of_against = (score_base(warehouse, against), predictions(warehouse))[1]
    members = {
        BASE_NAME: [row[0] for row in rows],
        "Never bought": [row[0] for row in rows if row[1] is None],
        "Rich": [row[0] for row in rows if row[3] > 2_000],
    }
    assert [(shift.segment_id, shift.name) for shift in shifts] == [
        (None, BASE_NAME),
        ("never-bought", "Never bought"),
        ("rich", "Rich"),
    ]
    offers = all_offers(version, against)
    assert offers == (1, 2, 3, 4, 5, 6, 7, 8)
    for shift in shifts:
        ids = members[shift.name]
        both = [(of_against[one], of_version[one]) for one in ids]
        assert shift.customers == len(ids)
        assert shift.bands == counted([(a["churn_risk"], b["churn_risk"]) for a, b in both], RISKS)
        best = [(a["recommended_offer"], b["recommended_offer"]) for a, b in both]
        assert shift.offers == counted(best, offers)
        expected = [sum(pair[side]["churn_probability"] for pair in both) for side in (0, 1)]
        assert shift.churners == pytest.approx(expected)
    assert shifts[0].other_band > 0
    assert shifts[0].other_offer > 0
    assert reported[-1] == len(rows)


def test_a_version_without_an_offer_model(
    backend: Backend, open_warehouse: Callable[..., Warehouse], tmp_path: Path, saved: SegmentRepository
):
    fill(backend, base(40))
    warehouse = open_warehouse(backend.url)
    models = tmp_path / "models"
    version, against = (load_bundle(models, write_bundle(models, one)) for one in (without_nbo(), bundle_parts()))
    (shift,) = count_shifts(warehouse, SegmentationEngine(warehouse, saved), [], version, against)
    assert (shift.offers, shift.other_offer) == ([], 0)
    assert sum(map(sum, shift.bands)) == 40


def test_a_customer_without_an_answer_is_counted_without_one(
    backend: Backend,
    open_warehouse: Callable[..., Warehouse],
    bundles: tuple[Bundle, Bundle],
    saved: SegmentRepository,
):
    rows = base(40)
    rows[3] = (*rows[3][:3], 1e35, *rows[3][4:])  # beyond what a network can take
    fill(backend, [*rows, (None, *rows[0][1:])])
    warehouse = open_warehouse(backend.url)
    (shift,) = count_shifts(warehouse, SegmentationEngine(warehouse, saved), [], *bundles)
    assert shift.customers == 40
    assert sum(map(sum, shift.bands)) == sum(map(sum, shift.offers)) == 39
