"""Checks of a history before training; each finding is a sentence with a remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from loyalty_core.ml.evaluation.grades import seems_too_good
from loyalty_core.ml.features import as_arrow
from loyalty_core.ml.tasks import Finding, HistoryTooSmall, Labels
from loyalty_core.ml.training.label_trend import check_label_trend, count_months
from loyalty_core.ml.training.leaks import find_leaks
from loyalty_core.ml.training.reading import category_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from loyalty_core.ml.evaluation import Column
    from loyalty_core.ml.tasks import ModelTask
    from loyalty_core.settings import Settings
    from loyalty_core.warehouse.history import History

RECOMMENDED_ROWS = 1_000
MIN_ROWS = 200
MIN_ROWS_PER_CLASS = 20
# Share of customers with identical features at all of their dates.
_FROZEN_SHARE = 0.9
_MIN_REPEATED_CUSTOMERS = 20
# Expected and actual shares that differ by this factor and this much.
_OFF = 1.4
_MIN_OFF = 0.02

SINCE_IGNORED = Finding(
    "warning",
    "The start date has no effect: the rows have no date and the query does not use :start_date.",
    "Use :start_date in the query, or add the date column to it.",
)


UNTIL_IGNORED = Finding(
    "warning",
    "The last day has no effect: the rows have no date.",
    "Add the date column to the history, or leave out newer rows in the query.",
)


def check_history(
    task: ModelTask, history: History, columns: Sequence[Column], labels: Labels, today: date, settings: Settings
) -> tuple[Finding, ...]:
    """All findings about a model's history, whose features are `columns`."""
    names = task.class_names(labels.offers)
    return (
        *check_amount(*known_counts(task, np.bincount(labels.classes, minlength=labels.count), names)),
        *_features(columns),
        *check_leaks(task, history, columns, labels),
        *_duplicates(history),
        *_dates(history, today, task.label_delay(settings)),
        *check_frozen(history),
        *_label_trend(task, history, labels),
    )


def check_leaks(task: ModelTask, history: History, columns: Sequence[Column], labels: Labels) -> Iterator[Finding]:
    """Features that give away what happened."""
    outcome, names = task.outcome(labels)
    customers = len(history) if history.customers is None else len(history.customers.unique())
    yield from find_leaks(columns, outcome, names, lambda name: category_names(history.features[name]), customers)


def check_outcome(metrics: Mapping[str, Any], findings: Sequence[Finding]) -> Iterator[Finding]:
    """What the figures of the test rows give away; `findings` are those about the history."""
    if seems_too_good(metrics) and not any(finding.severity == "confirm" for finding in findings):
        measure, best = ("AUC", metrics["auc"]) if "auc" in metrics else ("top-1 accuracy", metrics["top_1"])
        yield Finding(
            "hold",
            f"The test rows are predicted almost perfectly ({measure} {best:.3f}), as if some features together "
            "gave away the label.",
            "Check for target leakage: each feature must be known before the label, and not be computed from it.",
        )
    if "mean_predicted" not in metrics:
        return
    expected, actual, (low, high) = (
        metrics["mean_predicted"],
        metrics["actual_rate"],
        metrics["intervals"]["actual_rate"],
    )
    smaller, larger = sorted((expected, actual))
    if not low <= expected <= high and larger >= _OFF * smaller and larger - smaller >= _MIN_OFF:
        yield Finding(
            "hold",
            f"The probabilities do not fit the test rows: {expected:.0%} are expected, but it was {actual:.0%}.",
            "The label of the newest rows differs from that of the rows learned from; find out why before the "
            "probabilities are used.",
        )


def refuse_if_stopped(history: History, findings: tuple[Finding, ...]) -> None:
    """Raise `HistoryTooSmall` when a finding is a stop, since these are all about the number of rows."""
    if any(finding.severity == "stop" for finding in findings):
        raise HistoryTooSmall(history.source, findings)


def known_counts(
    task: ModelTask, counts: npt.NDArray[Any], names: Sequence[str]
) -> tuple[npt.NDArray[Any], Sequence[str]]:
    """The counts and names of the classes that a history must have."""
    known = np.flatnonzero(task.is_known(np.arange(len(counts))))
    return counts[known], [names[int(place)] for place in known]


def check_amount(counts: npt.NDArray[Any], names: Sequence[str]) -> Iterator[Finding]:
    """Whether there are enough rows; `counts` and `names` are by class."""
    rows = int(counts.sum())
    if rows < MIN_ROWS:
        yield Finding(
            "stop", f"There are {rows:,} rows, but training requires at least {MIN_ROWS}.",
            f"Collect more history; {RECOMMENDED_ROWS:,} rows are recommended.",
        )  # fmt: skip
    elif rows < RECOMMENDED_ROWS:
        yield Finding(
            "warning", f"There are {rows:,} rows; {RECOMMENDED_ROWS:,} or more are recommended.",
            "Expect rough predictions, and train again when there are more rows.",
        )  # fmt: skip
    if counts.min() < MIN_ROWS_PER_CLASS and rows >= MIN_ROWS:
        rarest = names[int(counts.argmin())]
        yield Finding(
            "stop", f"Only {counts.min()} rows say “{rarest}”; {MIN_ROWS_PER_CLASS} are needed.",
            "Collect more history, choose an earlier start, or exclude this label with a custom query.",
        )  # fmt: skip
    if len(names) == 1:
        yield Finding("stop", f"All rows say “{names[0]}”.", "Training needs at least two different labels.")


def blank_feature(name: str) -> Finding:
    return Finding("warning", f"The feature {name!r} is blank in every row.", "Map another column, or fill this one.")


def constant_feature(name: str) -> Finding:
    sentence = f"The feature {name!r} has the same value in every row."
    return Finding("warning", sentence, "Models learn nothing from it: map another column.")


def repeated_rows(repeated: int, rows: int) -> Finding:
    return Finding(
        "warning",
        f"{repeated:,} of {rows:,} rows are exact copies of another row.",
        "Look for a join that duplicates rows; copies count twice in training.",
    )


def check_age(days: int, delay: int | None) -> Iterator[Finding]:
    """Whether the newest rows are old enough for their label, which is known after `delay` days."""
    if delay is not None and days < delay:
        yield Finding(
            "warning",
            f"The newest rows are {days} days old, but their label is known only after {delay} days.",
            "Leave out newer rows (option `until`), or set ACTIVE_WITHIN_DAYS to the time after which a customer "
            "counts as churned.",
        )


def _features(columns: Sequence[Column]) -> Iterator[Finding]:
    if all(len(np.unique(column.values)) < 2 for column in columns):
        sentence = "No feature has different values, so that there is nothing to learn from."
        yield Finding("stop", sentence, "Map columns that differ between customers in ML_FEATURE_MAPPING.")
    for column in columns:
        if column.blank.all():
            yield blank_feature(column.name)
        elif not column.blank.any() and column.values.min() == column.values.max():
            yield constant_feature(column.name)


def _duplicates(history: History) -> Iterator[Finding]:
    columns = {name: as_arrow(history.features[name]) for name in history.features.column_names}
    identity = {"": history.customers, " ": history.dates}
    if history.customers is None:
        return
    table = pa.table({**columns, "  ": history.labels, **{k: v for k, v in identity.items() if v is not None}})
    repeated = len(table) - table.group_by(table.column_names).aggregate([]).num_rows
    if repeated:
        yield repeated_rows(repeated, len(table))


def _dates(history: History, today: date, delay: int | None) -> Iterator[Finding]:
    if history.since_ignored:
        yield SINCE_IGNORED
    if history.until_ignored:
        yield UNTIL_IGNORED
    if history.dates is None or history.dates.null_count == len(history.dates):
        return
    yield from check_age((today - max(history.dates.drop_null().unique().to_pylist())).days, delay)


def check_frozen(history: History) -> Iterator[Finding]:
    """Whether customers have the same features at all their dates."""
    is_dated = history.dates is not None and history.dates.null_count < len(history.dates)
    if is_dated and history.customers is not None and _features_frozen(history):
        yield Finding(
            "warning",
            "Customers have the same features at all their dates, so the features were not recorded at those dates.",
            "Use features as of the start of each row's label period; otherwise the model learns the outcome.",
        )


def _label_trend(task: ModelTask, history: History, labels: Labels) -> Iterator[Finding]:
    if history.dates is None:
        return
    outcome, names = task.outcome(labels)
    known = history.dates.is_valid().to_numpy(zero_copy_only=False)
    days = history.dates.drop_null().cast(pa.date32()).to_numpy(zero_copy_only=False).astype("datetime64[D]")
    monthly = count_months(days, outcome.classes[known], outcome.count)
    yield from check_label_trend(monthly, names, is_binary=not outcome.offers)


def _features_frozen(history: History) -> bool:
    """Whether nearly all customers with several dates have the same features at all of them."""
    names = history.features.column_names
    features = [as_arrow(history.features[name]) for name in names]
    columns = [f"f{index}" for index in range(len(names))]
    table = pa.table([*features, history.customers, history.dates], names=[*columns, "customer", "day"])
    days = table.group_by("customer").aggregate([("day", "count_distinct")])
    states = (
        table.group_by(["customer", *columns]).aggregate([]).group_by("customer").aggregate([("customer", "count")])
    )
    both = days.join(states, "customer").to_pydict()
    several = np.array(both["day_count_distinct"]) > 1
    return (
        several.sum() >= _MIN_REPEATED_CUSTOMERS
        and np.mean(np.array(both["customer_count"])[several] == 1) > _FROZEN_SHARE
    )
