"""Checks of a history before training; each finding is a sentence with a remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from loyalty_core.ml.evaluation import area_under_curve
from loyalty_core.ml.features import as_arrow, as_numbers, kind_of
from loyalty_core.ml.tasks import Finding, HistoryTooSmall, Labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from loyalty_core.ml.tasks import ModelTask
    from loyalty_core.settings import Settings
    from loyalty_core.warehouse.history import History

RECOMMENDED_ROWS = 1_000
MIN_ROWS = 200
MIN_ROWS_PER_CLASS = 20
_LEAKAGE_AUC = 0.98
# Share of customers with identical features at all of their dates.
_FROZEN_SHARE = 0.9
_MIN_REPEATED_CUSTOMERS = 20
_MAX_RANKED_ROWS = 200_000

SINCE_IGNORED = Finding(
    "warning",
    "The start date has no effect: the rows have no date and the query does not use :start_date.",
    "Use :start_date in the query, or add the date column to it.",
)


def check_history(
    task: ModelTask, history: History, labels: Labels, today: date, settings: Settings
) -> tuple[Finding, ...]:
    """All findings about a model's history."""
    return (
        *check_amount(np.bincount(labels.classes, minlength=labels.count), task.class_names(labels.offers)),
        *_features(history, labels),
        *_duplicates(history),
        *_dates(history, today, task.label_delay(settings)),
    )


def refuse_if_stopped(history: History, findings: tuple[Finding, ...]) -> None:
    """Raise `HistoryTooSmall` when a finding is a stop, since these are all about the number of rows."""
    if any(finding.severity == "stop" for finding in findings):
        raise HistoryTooSmall(history.source, findings)


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
            "Leave out newer rows, or set ACTIVE_WITHIN_DAYS to the time after which a customer counts as churned.",
        )


def _features(history: History, labels: Labels) -> Iterator[Finding]:
    for name in history.features.column_names:
        column = as_arrow(history.features[name])
        filled = column.drop_null()
        if not len(filled):
            yield blank_feature(name)
        elif len(filled.unique()) == 1 and not column.null_count:
            yield constant_feature(name)
        elif (area := _separation(name, column, labels)) > _LEAKAGE_AUC:
            yield Finding(
                "warning",
                f"The feature {name!r} alone almost determines the label (AUC {area:.3f}).",
                "Check for target leakage: it must be known before the label, and the label not computed from it.",
            )


def _separation(name: str, column: pa.Array, labels: Labels) -> float:
    """How well a feature alone separates two classes, or one offer from the others: the best AUC over the classes."""
    if len(labels.classes) > _MAX_RANKED_ROWS:
        step = -(-len(labels.classes) // _MAX_RANKED_ROWS)
        column, labels = (
            column.take(pa.array(np.arange(0, len(column), step))),
            Labels(labels.classes[::step], labels.offers),
        )
    best = 0.5
    for class_index in range(labels.count) if labels.offers else (1,):
        positive = labels.classes == class_index
        area = area_under_curve(_ranked(name, column, positive), positive)
        best = max(best, area, 1 - area)
    return best


def _ranked(name: str, column: pa.Array, positive: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Values to rank by: numbers with blanks lowest, texts as the share of `positive` in their category."""
    if kind_of(name, column.type) != "text":
        return np.nan_to_num(as_numbers(name, column), nan=-np.inf)
    encoded = column.cast(pa.string()).fill_null("").dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    total = np.bincount(codes)
    if len(total) > len(codes) / 10:
        return np.zeros(len(codes))  # names and ids: nearly every row has a category of its own
    return (np.bincount(codes, weights=positive) / total)[codes]


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
    if history.dates is None or history.dates.null_count == len(history.dates):
        return
    yield from check_age((today - max(history.dates.drop_null().unique().to_pylist())).days, delay)
    if history.customers is not None and _features_frozen(history):
        yield Finding(
            "warning",
            "Customers have the same features at all their dates, so the features were not recorded at those dates.",
            "Use features as of the start of each row's label period; otherwise the model learns the outcome.",
        )


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
