"""What was found of two versions, stored and read again; it belongs to the data that it was found on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from loyalty_core.ml.evaluation import Difference
from loyalty_core.ml.versions import SameRows, Shift, VersionComparison, VersionComparisons
from loyalty_core.warehouse.identity import DataIdentity
from tests.fixtures.identities import ONE, Data

if TYPE_CHECKING:
    from loyalty_core.store import StateStore


FOUND = VersionComparison(
    version="20261125T100000Z-aaaa",
    against="20261124T100000Z-bbbb",
    compared_at=datetime(2026, 11, 25, 10, 5, tzinfo=UTC),
    same_rows={
        "churn": SameRows(
            rows=100,
            first=date(2026, 8, 1),
            last=None,
            version={"auc": 0.8, "intervals": {"auc": [0.7, 0.9]}},
            against={"auc": 0.75},
            differences={"auc": Difference(0.05, 0.01, 0.09)},
            flattered=("against",),
        )
    },
    shifts=(
        Shift(None, "All customers", 10, [[4, 1, 0], [2, 1, 0], [0, 1, 1]], [[3, 2], [1, 4]], (4.5, 5.0)),
        Shift("vip", "VIP", 2, [], [], None),
    ),
    offers=(1, 7),
    remarks=("One.",),
)


@pytest.fixture
def comparisons(store: StateStore, data: Data) -> VersionComparisons:
    return VersionComparisons(store, data)


def test_saved_and_found_again(comparisons: VersionComparisons):
    assert comparisons.find(FOUND.version, FOUND.against) is None
    comparisons.save(FOUND)
    assert comparisons.find(FOUND.version, FOUND.against) == FOUND
    assert comparisons.find(FOUND.against, FOUND.version) is None
    later = replace(FOUND, remarks=())
    comparisons.save(later)
    assert comparisons.find(FOUND.version, FOUND.against) == later


def test_other_data_has_none_and_newer_data_is_marked(comparisons: VersionComparisons, data: Data):
    comparisons.save(FOUND)
    data.now = DataIdentity("one", "tuesday")
    assert comparisons.find(FOUND.version, FOUND.against) == replace(FOUND, data_changed=True)
    data.now = DataIdentity("one")
    assert comparisons.find(FOUND.version, FOUND.against) == FOUND, "a state that is not known marks nothing"
    for data.now in (DataIdentity("other", "monday"), None):
        assert comparisons.find(FOUND.version, FOUND.against) is None


def test_mock_mode_changes_nothing_about_versions(comparisons: VersionComparisons, data: Data):
    data.now = replace(ONE, is_mock=True)
    comparisons.save(FOUND)
    data.now = ONE
    assert comparisons.find(FOUND.version, FOUND.against) == FOUND


def test_who_changes_is_off_the_diagonal():
    base, vip = FOUND.shifts
    assert (base.other_band, base.other_offer) == (4, 3)
    assert (vip.other_band, vip.other_offer) == (0, 0)
