"""Has a model got worse: the newest month it did not learn from, beside its test rows."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from loyalty_core.analytics.outcomes import (
    ChurnFigures,
    Figures,
    Interval,
    Measure,
    Month,
    MonthlyFigures,
    OfferFigures,
    Role,
    Share,
    Verdict,
    performance_verdict,
)
from loyalty_core.ml.tasks import CHURN, NBO
from loyalty_core.ml.versions import VersionRecord

NOTHING: MonthlyFigures[Figures] = MonthlyFigures(why_none="Nothing yet.")


def active(**metrics: Any) -> VersionRecord:
    return VersionRecord("a", {"models": {"churn": {"metrics": metrics}, "nbo": {"metrics": metrics}}}, is_active=True)


def churn(auc: float, spread: float = 0.02, rows: int = 1_000) -> ChurnFigures:
    measure = Measure(auc, Interval(auc - spread, auc + spread))
    return ChurnFigures(Share(rows // 4, rows), measure, 0.25, (), 0.4, 2.0)


def month(number: int, figures: Figures, version: str = "a", role: Role | None = None) -> Month[Figures]:
    return Month(date(2026, number, 1), version, figures, role)


def verdict(*months: Month[Figures], replay: MonthlyFigures[Figures] = NOTHING, auc: float = 0.8) -> Verdict:
    return performance_verdict(CHURN, active(auc=auc), MonthlyFigures(months), replay)


def test_the_whole_interval_must_lie_below():
    worse = verdict(month(4, churn(0.75)))
    assert worse.is_worse
    assert worse.sentence == (
        "The churn model has got worse: AUC 0.750 (0.730 to 0.770) in April 2026, 0.800 on its test rows."
    )
    assert worse.clause == (
        "the churn model has got worse: AUC 0.750 (0.730 to 0.770) in April 2026, 0.800 on its test rows"
    )
    holds = verdict(month(4, churn(0.785)))
    assert holds == Verdict(
        False, "The churn model holds: AUC 0.785 (0.765 to 0.805) in April 2026, 0.800 on its test rows."
    )


def test_a_drop_without_practical_effect_is_no_drop():
    assert not verdict(month(4, churn(0.795, spread=0.001))).is_worse
    assert verdict(month(4, churn(0.789, spread=0.001))).is_worse


def test_the_newest_month_of_the_active_version_with_enough_rows_is_asked():
    months = (month(3, churn(0.8)), month(4, churn(0.7)), month(5, churn(0.8, rows=60)), month(6, churn(0.8), "b"))
    assert verdict(*months).is_worse
    assert "in April 2026" in verdict(*months).sentence


def test_a_replay_is_asked_where_nothing_has_an_outcome():
    months = (month(5, churn(0.7), role="after"), month(6, churn(0.1), role="test"))
    found = verdict(replay=MonthlyFigures(months))
    assert found.is_worse
    assert "in May 2026" in found.sentence
    assert not verdict(month(2, churn(0.8)), replay=MonthlyFigures(months)).is_worse


def test_old_predictions_are_not_held_against_a_model_that_answers_well_when_asked_again():
    stored, fresh, stale = (
        month(4, churn(0.75)),
        month(4, churn(0.81), role="after"),
        month(4, churn(0.7), role="after"),
    )
    found = verdict(stored, replay=MonthlyFigures((fresh,)))
    assert not found.is_worse
    assert found.sentence.startswith(
        "The churn model holds, but its stored predictions were less accurate: AUC 0.750 (0.730 to 0.770) in April "
        "2026, 0.800 on its test rows, but 0.810 (0.790 to 0.830) in April 2026 when replayed with the feature values "
        "of the day."
    )
    assert verdict(stored, replay=MonthlyFigures((stale,))).is_worse


@pytest.mark.parametrize("role", ["before", "learned", "validation", "test", "mixed"])
def test_months_it_has_seen_say_nothing(role: Role):
    found = verdict(replay=MonthlyFigures((month(5, churn(0.1), role=role),)))
    assert (found.is_worse, found.is_known) == (False, False)
    assert found.sentence == (
        "It is not known yet whether the churn model still holds: no month after its training has a known outcome."
    )


def test_too_few_customers_say_nothing():
    assert verdict(month(4, churn(0.5, rows=60))).sentence.endswith("too few customers have a known outcome.")


def test_offers_are_judged_by_right_first_choices():
    worse = OfferFigures(Share(400, 1_000), Share(800, 1_000), Share(200, 1_000))
    found = performance_verdict(NBO, active(top_1=0.5), MonthlyFigures((month(4, worse),)), NOTHING)
    assert found.is_worse
    assert found.sentence == (
        "The offer model has got worse: top-1 accuracy 40.0% (37.0% to 43.1%) in April 2026, 50.0% on its test rows."
    )


def test_without_a_value_on_test_rows_there_is_nothing_to_compare():
    found = performance_verdict(CHURN, active(), MonthlyFigures((month(4, churn(0.5)),)), NOTHING)
    assert (found.is_worse, found.is_known) == (False, False)
    assert found.sentence == "The active version has no test metrics of its churn model."
