"""The measures of one model of two versions in a table, with intervals, and in one sentence which is better."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loyalty_core.ml.evaluation import Difference
from loyalty_core.ml.tasks import TASKS, Metric
from loyalty_core.ml.versions import Judgement, SameRows, VersionRecord, judge
from loyalty_core.ui import formatting


@dataclass(frozen=True)
class Measures:
    """One model of two versions; `names` call the first and the second.

    With `same_rows` both were measured on the same rows, else each at its own training.
    """

    model: str
    names: tuple[str, str]
    first: VersionRecord
    second: VersionRecord | None
    same_rows: SameRows | None

    @property
    def own(self) -> Mapping[str, Any]:
        return {**self.first.metrics(self.model), **(self.same_rows.version if self.same_rows else {})}

    @property
    def other(self) -> Mapping[str, Any]:
        if self.same_rows:
            return self.same_rows.against
        return self.second.metrics(self.model) if self.second else {}

    @property
    def by_name(self) -> dict[str, Mapping[str, Any]]:
        """The metrics of both versions that have the model."""
        both = {self.names[0]: self.own} | ({self.names[1]: self.other} if self.second else {})
        return {name: metrics for name, metrics in both.items() if metrics}

    @property
    def baselines(self) -> Mapping[str, Mapping[str, Any]]:
        """The simple models that the first version stood beside at its training."""
        return self.first.metrics(self.model).get("baselines", {})

    def verdict(self) -> tuple[Judgement, str] | None:
        """Which is better by the main measure, on the same rows; None where they were not measured on the same."""
        if self.same_rows is None:
            return None
        main = TASKS[self.model].metrics[0]
        own, other = self.own[main.key], self.other[main.key]
        difference = self.same_rows.differences[main.key]
        word = judge(main, self.own, self.other, difference)
        first, second = self.names
        sentence = (
            f"{main.title}: {_shown(main, own)} {first}, {_shown(main, other)} {second}, on the same "
            f"{formatting.count(self.same_rows.rows)} rows{_days(self.same_rows)}. "
            f"Difference {_difference(main, difference)}."
        )
        return word, sentence

    def rows(self) -> list[dict[str, str]]:
        """A row for each measure, by column."""
        return [self._row(metric) for metric in TASKS[self.model].metrics]

    def _row(self, metric: Metric) -> dict[str, str]:
        row = {"Measure": metric.title, self.names[0]: _with_interval(metric, self.own)}
        if self.second is not None:
            row[self.names[1]] = _with_interval(metric, self.other)
            row["Difference"] = self._difference(metric)
        return row | {heading(name): _with_interval(metric, own) for name, own in self.baselines.items()}

    def _difference(self, metric: Metric) -> str:
        own, other = self.own.get(metric.key), self.other.get(metric.key)
        if own is None or other is None:
            return formatting.BLANK
        if _shown(metric, own) == _shown(metric, other):
            return "same"
        difference = self.same_rows.differences[metric.key] if self.same_rows else None
        word = judge(metric, self.own, self.other, difference)
        sign = {"better": "▲", "worse": "▼", "no clear difference": "≈"}[word]
        return f"{sign} {word if difference is None else _difference(metric, difference)}"


def heading(baseline: str) -> str:
    """The name of a baseline with an initial capital, as "LightGBM" and "Base rate"."""
    return baseline[:1].upper() + baseline[1:]


def _shown(metric: Metric, value: float | None) -> str:
    if value is None:
        return formatting.BLANK
    return formatting.percent(value, metric.digits - 2) if metric.is_share else formatting.decimal(value, metric.digits)


def _with_interval(metric: Metric, metrics: Mapping[str, Any]) -> str:
    value = _shown(metric, metrics.get(metric.key))
    ends = metrics.get("intervals", {}).get(metric.key)
    return f"{value} ({_shown(metric, ends[0])} – {_shown(metric, ends[1])})" if ends else value


def _difference(metric: Metric, difference: Difference) -> str:
    """ "+0.0121 (+0.0043 to +0.0202)", one digit more than values have; in percentage points for shares."""
    digits, times, unit = (metric.digits - 1, 100, " points") if metric.is_share else (metric.digits + 1, 1, "")
    ends = difference.value, difference.low, difference.high
    value, low, high = (formatting.signed(times * one, digits) for one in ends)
    return f"{value}{unit} ({low} to {high})"


def _days(same_rows: SameRows) -> str:
    if same_rows.first is None or same_rows.last is None:
        return ""
    first, last = formatting.day(same_rows.first), formatting.day(same_rows.last)
    return f" of {first}" if first == last else f" of {first} to {last}"
