"""What was found of two versions, kept and read again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from loyalty_core.ml.evaluation import Difference
from loyalty_core.ml.versions import SameRows, Shift, VersionComparison, VersionComparisons

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


def test_kept_and_found_again(store: StateStore):
    comparisons = VersionComparisons(store)
    assert comparisons.find(FOUND.version, FOUND.against) is None
    comparisons.keep(FOUND)
    assert comparisons.find(FOUND.version, FOUND.against) == FOUND
    assert comparisons.find(FOUND.against, FOUND.version) is None
    later = replace(FOUND, remarks=())
    comparisons.keep(later)
    assert comparisons.find(FOUND.version, FOUND.against) == later


def test_who_changes_is_off_the_diagonal():
    base, vip = FOUND.shifts
    assert (base.other_band, base.other_offer) == (4, 3)
    assert (vip.other_band, vip.other_offer) == (0, 0)
