"""What became of each version's customers, worked out by hand, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from loyalty_core.analytics.outcomes import Share
from loyalty_core.analytics.outcomes.by_version import VersionResult, results_by_version

if TYPE_CHECKING:
    from tests.analytics.outcomes.past import Past


def test_two_versions_side_by_side(past: Past):
    past.scored("2026-03-05", ("c0", 0.8, "a", 0.7, 0.3), ("c1", 0.4, "a", 0.2, 0.8), ("c2", 0.5, "b", 0.6, 0.4))
    past.left(("c0", "2026-03-06", 1), ("c1", "2026-03-06", 0), ("c2", "2026-03-06", 0))
    past.took(("c0", "2026-03-10", 1), ("c1", "2026-03-10", 1), ("c2", "2026-03-10", 1))
    assert results_by_version(past.warehouse) == (
        VersionResult("a", Share(1, 2), pytest.approx(0.6), Share(1, 2)),
        VersionResult("b", Share(0, 1), pytest.approx(0.5), Share(1, 1)),
    )


def test_a_customer_counts_once_by_the_first_outcome(past: Past):
    past.scored("2026-03-05", ("c0", 0.8, "a"), ("c1", 0.4, "a"))
    past.scored("2026-03-06", ("c0", 0.2, "a"), ("c1", 0.4, "b"))
    past.scored("2026-04-07", ("c0", 0.1, "a"), present=True)
    past.took()
    past.left(("c0", "2026-03-05", 1), ("c0", "2026-03-06", 0), ("c1", "2026-03-09", 0), ("c0", "2026-04-08", 0))
    assert results_by_version(past.warehouse) == (
        VersionResult("a", Share(1, 2), pytest.approx(0.6)),
        VersionResult("b", Share(0, 1), pytest.approx(0.4)),
    )


def test_scorings_before_the_start_are_left_out(past: Past):
    past.scored("2026-03-05", ("c0", 0.8, "a"))
    past.scored("2026-04-05", ("c0", 0.6, "b"))
    past.left(("c0", "2026-03-06", 0), ("c0", "2026-04-06", 1))
    past.took()
    assert results_by_version(past.warehouse, since=datetime(2026, 4, 1, tzinfo=UTC)) == (
        VersionResult("b", Share(1, 1), pytest.approx(0.6)),
    )


def test_what_a_history_does_not_contain_is_none(past: Past):
    past.scored("2026-03-05", ("c0", 0.8, "a", 0.7, 0.3))
    past.backend.execute("CREATE TABLE customer_churn_history AS SELECT 'c0' AS customer_id, 1 AS churned")
    past.took(("c0", "2026-03-10", 2))
    assert results_by_version(past.warehouse) == (VersionResult("a", took=Share(0, 1)),)


def test_one_history_is_enough(past: Past):
    past.scored("2026-03-05", ("c0", 0.8, "a", 0.7, 0.3))
    past.left(("c0", "2026-03-10", 1))
    assert results_by_version(past.warehouse) == (VersionResult("a", Share(1, 1), pytest.approx(0.8)),)


def test_without_outcomes_there_are_no_versions(past: Past):
    past.left()
    past.took()
    assert results_by_version(past.warehouse) == ()
    past.scored("2026-03-05", ("c0", 0.8, "a", 0.7, 0.3), present=True)
    assert results_by_version(past.warehouse) == ()
