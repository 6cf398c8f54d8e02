"""Has a model got worse since its training?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loyalty_core.analytics.outcomes.months import MODEL_NAMES
from loyalty_core.ml.comparison import METRICS

if TYPE_CHECKING:
    from loyalty_core.analytics.outcomes.figures import Figures, Measure
    from loyalty_core.analytics.outcomes.months import Month, Told
    from loyalty_core.ml.comparison import VersionRecord
    from loyalty_core.warehouse.history import ModelName

# With many rows the smallest difference is certain; less than this changes nobody's work.
LEAST_DROP = 0.01
_MEASURES: dict[ModelName, str] = {"churn": "AUC", "nbo": "share of right first choices"}


@dataclass(frozen=True)
class Verdict:
    """`sentence` says for people what was compared, or, unless `is_known`, why nothing could be."""

    is_worse: bool
    sentence: str
    is_known: bool = True


def performance_verdict(
    model: ModelName, active: VersionRecord, outcomes: Told[Figures], replay: Told[Figures]
) -> Verdict:
    """The newest month that the active version did not learn from, beside its own test rows.

    Outcomes of its kept predictions go before a replay. It is worse when the month's whole 95 % interval lies below the
    value on the test rows, and the drop is `LEAST_DROP` at least.
    """
    name, test = MODEL_NAMES[model], active.metrics(model).get(METRICS[model][0].key)
    if test is None:
        return Verdict(False, f"The active version does not say how good its {name} was on test rows.", is_known=False)
    found = _newest([month for month in outcomes.months if month.version == active.version]) or _newest(
        [month for month in replay.months if month.role == "after"]
    )
    if found is None:
        return Verdict(
            False,
            f"Whether the {name} still holds is not known yet: what happened is known of no month after its training, "
            "or of too few customers.",
            is_known=False,
        )
    month, measure = found
    is_worse = measure.interval.high < test and measure.value <= test - LEAST_DROP
    low, high = (_shown(model, value) for value in measure.interval)
    compared = (
        f"{_MEASURES[model]} {_shown(model, measure.value)} ({low} to {high}) in {month.month:%B %Y}, "
        f"{_shown(model, test)} on its test rows."
    )
    return Verdict(is_worse, f"The {name} {'has got worse' if is_worse else 'holds'}: {compared}")


def _newest(months: list[Month[Figures]]) -> tuple[Month[Figures], Measure] | None:
    for month in sorted(months, key=lambda one: one.month, reverse=True):
        measure = month.figures.main
        if measure is not None and month.figures.is_enough:
            return month, measure
    return None


def _shown(model: ModelName, value: float) -> str:
    return f"{value:.1%}" if METRICS[model][0].is_share else f"{value:.3f}"
