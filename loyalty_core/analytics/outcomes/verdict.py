"""The verdict on whether a model has got worse since its training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import date

    from loyalty_core.analytics.outcomes.figures import Figures, Interval
    from loyalty_core.analytics.outcomes.months import Month, MonthlyFigures
    from loyalty_core.ml.tasks import Metric, ModelTask
    from loyalty_core.ml.versions import VersionRecord

# With many rows even tiny differences are significant; smaller ones do not change a decision.
MIN_DROP = 0.01


@dataclass(frozen=True)
class Verdict:
    """`sentence` says what was compared or, unless `is_known`, why nothing could be compared."""

    is_worse: bool
    sentence: str
    is_known: bool = True

    @property
    def clause(self) -> str:
        """The sentence as a clause of another one."""
        return f"{self.sentence[0].lower()}{self.sentence[1:].rstrip('.')}"


def performance_verdict(
    task: ModelTask, active: VersionRecord, outcomes: MonthlyFigures[Figures], replay: MonthlyFigures[Figures]
) -> Verdict:
    """Compare the newest month that the active version was not trained on with its test rows.

    The model is worse if the month's whole 95 % interval is below the value on the test rows, by at least `MIN_DROP`.
    Outcomes of stored predictions take precedence over a replay, unless the replay, which uses the feature values of
    the day, is as good as the test rows: then the model is not the cause.
    """
    name, main = task.noun, task.metrics[0]
    test = active.metrics(task.name).get(main.key)
    if test is None:
        return Verdict(False, f"The active version has no test metrics of its {name}.", is_known=False)
    stored_months = [month for month in outcomes.months if month.version == active.version]
    replayed_months = [month for month in replay.months if month.role == "after"]
    stored, replayed = _newest(stored_months), _newest(replayed_months)
    found = stored or replayed
    if found is None:
        known = "too few customers have" if stored_months or replayed_months else "no month after its training has"
        sentence = f"It is not known yet whether the {name} still holds: {known} a known outcome."
        return Verdict(False, sentence, is_known=False)
    compared = f"{main.in_sentence} {found.in_words(main)}, {_shown(main, test)} on its test rows"
    if not found.is_below(test):
        return Verdict(False, f"The {name} holds: {compared}.")
    if stored is None or replayed is None or replayed.is_below(test):
        return Verdict(True, f"The {name} has got worse: {compared}.")
    return Verdict(
        False,
        f"The {name} holds, but its stored predictions were less accurate: {compared}, but {replayed.in_words(main)} "
        "when replayed with the feature values of the day. Score more often, and look for differences between the "
        "features view and the history.",
    )


class _Measured(NamedTuple):
    month: date
    value: float
    interval: Interval

    def is_below(self, test: float) -> bool:
        return self.interval.high < test and self.value <= test - MIN_DROP

    def in_words(self, metric: Metric) -> str:
        """ "0.750 (0.730 to 0.770) in April 2026"."""
        low, high = (_shown(metric, value) for value in self.interval)
        return f"{_shown(metric, self.value)} ({low} to {high}) in {self.month:%B %Y}"


def _newest(months: list[Month[Figures]]) -> _Measured | None:
    for month in sorted(months, key=lambda one: one.month, reverse=True):
        measure = month.figures.main
        if measure is not None and month.figures.is_enough:
            return _Measured(month.month, measure.value, measure.interval)
    return None


def _shown(metric: Metric, value: float) -> str:
    return f"{value:.1%}" if metric.is_share else f"{value:.3f}"
