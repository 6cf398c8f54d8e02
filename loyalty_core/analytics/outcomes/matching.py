"""Matches predictions with outcomes: each customer with their first row in the history after a scoring."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.analytics.outcomes.months import format_day
from loyalty_core.ml.serving import MOCK_VERSION
from loyalty_core.warehouse.customers import same_id
from loyalty_core.warehouse.history import HistoryRows, find_history
from loyalty_core.warehouse.predictions import CUSTOMER_ID, ScoringRun, stored_runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from loyalty_core.ml.tasks import ModelTask
    from loyalty_core.warehouse import Warehouse

NO_UPLIFT_OUTCOMES = (
    "Of each customer only one outcome can be seen, with contact or without, so uplift has no outcomes by month."
)
# A column with more distinct values is not a label.
_MAX_LABELS = 10_000


class OutcomesUnknown(Exception):
    """There are no outcomes; the message says why, in a sentence for people."""


@dataclass(frozen=True)
class DatedHistory:
    """A history whose rows have a day and a customer."""

    task: ModelTask
    source: str
    label: sa.ColumnElement[Any]
    day: sa.ColumnElement[date]
    customer: sa.ColumnElement[Any]

    def classes(self, labels: pa.Array) -> npt.NDArray[np.intp]:
        """Labels as classes, read as in training; raises `TrainingRefused` if they cannot be read."""
        return self.task.read_labels(labels, self.source).classes


@dataclass(frozen=True)
class PastRun:
    """A scoring run with its predictions and its day in the configured time zone."""

    run: ScoringRun
    predictions: sa.FromClause
    day: date


def past_runs(warehouse: Warehouse, since: datetime | None = None) -> list[PastRun]:
    """The stored runs from `since` on, oldest first, without those of mock mode."""
    zone = warehouse.settings.zone
    return [
        PastRun(run, predictions, run.scored_at.astimezone(zone).date())
        for run, predictions in reversed(stored_runs(warehouse))
        if run.model_version != MOCK_VERSION and (since is None or run.scored_at >= since)
    ]


def dated_history(warehouse: Warehouse, task: ModelTask, since: date | None = None) -> DatedHistory:
    """The history, from a day on if its query takes one; raises `OutcomesUnknown` without days or customers."""
    found = find_history(warehouse, task.history, {}, since)
    day, customer = required_day(found), found.customer
    if customer is None:
        name = warehouse.settings.dwh_customer_id_column
        raise OutcomesUnknown(f"{found.source} has no column {name}, so the customers of its rows are not known.")
    return DatedHistory(task, found.source, found.label, day, customer)


def required_day(found: HistoryRows) -> sa.ColumnElement[date]:
    """The column with the day of each row; raises `OutcomesUnknown` without one."""
    if found.day is None:
        raise OutcomesUnknown(
            f"{found.source} has no column {found.table.date}, so the months of its rows are not known."
        )
    return found.day


def outcomes_of(past: PastRun, history: DatedHistory, columns: Sequence[sa.ColumnElement[Any]]) -> sa.Select:
    """`columns` of a run's predictions and the history's `label`, for every customer whose outcome is known."""
    first = (
        sa.select(
            history.customer.label("customer"),
            history.label.label("label"),
            sa.func.row_number()
            .over(partition_by=history.customer, order_by=(history.day, history.label))
            .label("place"),
        )
        .where(*_after(past, history))
        .subquery("happened")
    )
    same = same_id(past.predictions.c[CUSTOMER_ID], first.c.customer)
    joined = past.predictions.join(first, sa.and_(same, first.c.place == 1))
    return sa.select(*columns, first.c.label).select_from(joined)


def offers_by_label(warehouse: Warehouse, past: PastRun, history: DatedHistory) -> Mapping[Any, int]:
    """Label → offer id, for the rows of the history that belong to a run; raises `TrainingRefused`."""
    select = sa.select(history.label.label("label")).where(*_after(past, history)).distinct()
    labels = warehouse.fetch_arrow(select.limit(_MAX_LABELS))["label"].combine_chunks()
    if not len(labels):
        return {}
    read = history.task.read_labels(labels, history.source)
    return {value: read.offers[index] for value, index in zip(labels.to_pylist(), read.classes, strict=True)}


def why_none_yet(warehouse: Warehouse, history: DatedHistory, oldest: date, today: date) -> str:
    """A sentence that says why there are no outcomes yet, and when to expect the first."""
    newest = warehouse.rows(sa.select(sa.func.max(history.day).label("newest")))[0]["newest"]
    newest_row = f"its newest row is of {format_day(newest)}" if newest else "it has no rows"
    delay = history.task.label_delay(warehouse.settings)
    known = oldest + timedelta(days=delay or 0)
    if delay is not None and today < known:
        return (
            f"The first outcomes of stored predictions are expected from {format_day(known)} on: the oldest is of "
            f"{format_day(oldest)}, and outcomes are known after {delay} days."
        )
    return (
        f"{history.source} has no row in the month after any stored scoring, of which the oldest is of "
        f"{format_day(oldest)}; {newest_row}. Outcomes are shown as soon as newer rows are loaded."
    )


def _after(past: PastRun, history: DatedHistory) -> tuple[sa.ColumnElement[bool], ...]:
    """The rows that belong to a run: those of the month from its day on, so that a monthly history has one of them.

    Earlier rows are excluded: their label period began before the prediction, which would have seen a part of it.
    """
    return history.day >= past.day, history.day < a_month_after(past.day), history.label.is_not(None)


def a_month_after(day: date) -> date:
    """The same day of the next month, or its last day if that month is shorter."""
    year, month = day.year + day.month // 12, day.month % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))
