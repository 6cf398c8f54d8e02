"""What happened to customers after a scoring: each with the first row that the history has of the time that follows."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.analytics.outcomes.months import shown
from loyalty_core.ml.serving import MOCK_VERSION
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

# A label with more values than that is no label.
_MOST_LABELS = 10_000


class OutcomesUnknown(Exception):
    """Why there are no outcomes, as a sentence for people."""


@dataclass(frozen=True)
class DatedHistory:
    """A history whose rows have a day and a customer."""

    task: ModelTask
    source: str
    label: sa.ColumnElement[Any]
    day: sa.ColumnElement[date]
    customer: sa.ColumnElement[Any]

    def classes(self, labels: pa.Array) -> npt.NDArray[np.intp]:
        """0 stayed, 1 left, read as a training reads them; raises `TrainingRefused` for anything else."""
        return self.task.read_labels(labels, self.source).classes


@dataclass(frozen=True)
class PastRun:
    """A scoring run with its predictions, and the day that it was on in the time zone of the settings."""

    run: ScoringRun
    predictions: sa.FromClause
    day: date


def past_runs(warehouse: Warehouse, since: datetime | None = None) -> list[PastRun]:
    """The stored runs from `since` on, oldest first; made-up predictions have no outcome."""
    zone = warehouse.settings.zone
    return [
        PastRun(run, predictions, run.scored_at.astimezone(zone).date())
        for run, predictions in reversed(stored_runs(warehouse))
        if run.model_version != MOCK_VERSION and (since is None or run.scored_at >= since)
    ]


def dated_history(warehouse: Warehouse, task: ModelTask, since: date | None = None) -> DatedHistory:
    """The history from that day on, where it takes a start; raises `OutcomesUnknown` without days or customers."""
    found = find_history(warehouse, task.history, {}, since)
    day, customer = required_day(found), found.customer
    if customer is None:
        name = warehouse.settings.dwh_customer_id_column
        raise OutcomesUnknown(f"{found.source} has no column {name}, so the customers of its rows are not known.")
    return DatedHistory(task, found.source, found.label, day, customer)


def required_day(found: HistoryRows) -> sa.ColumnElement[date]:
    """The day of the rows; raises `OutcomesUnknown` when they have none."""
    if found.day is None:
        raise OutcomesUnknown(
            f"{found.source} has no column {found.table.date}, so the months of its rows are not known."
        )
    return found.day


def outcomes_of(past: PastRun, history: DatedHistory, columns: Sequence[sa.ColumnElement[Any]]) -> sa.Select:
    """`columns` of the run's predictions for every customer whose outcome is known, and the history's `label`."""
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
    same = _same(past.predictions.c[CUSTOMER_ID], first.c.customer)
    joined = past.predictions.join(first, sa.and_(same, first.c.place == 1))
    return sa.select(*columns, first.c.label).select_from(joined)


def offers_by_label(warehouse: Warehouse, past: PastRun, history: DatedHistory) -> Mapping[Any, int]:
    """Label in the history → offer id, of the rows that belong to a run; raises `TrainingRefused`."""
    select = sa.select(history.label.label("label")).where(*_after(past, history)).distinct()
    labels = warehouse.fetch_arrow(select.limit(_MOST_LABELS))["label"].combine_chunks()
    if not len(labels):
        return {}
    read = history.task.read_labels(labels, history.source)
    return {value: read.offers[place] for value, place in zip(labels.to_pylist(), read.classes, strict=True)}


def why_none_yet(warehouse: Warehouse, history: DatedHistory, oldest: date, today: date) -> str:
    """Since when outcomes are awaited, and when the first is to be expected."""
    newest = warehouse.rows(sa.select(sa.func.max(history.day).label("newest")))[0]["newest"]
    its_newest = f"its newest row is of {shown(newest)}" if newest else "it has no rows"
    delay = history.task.label_delay(warehouse.settings)
    known = oldest + timedelta(days=delay or 0)
    if delay is not None and today < known:
        return (
            f"The first outcomes of stored predictions are to be expected from {shown(known)} on: the oldest is of "
            f"{shown(oldest)}, and what happened is known {delay} days later."
        )
    return (
        f"{history.source} has no row of the month from any stored scoring on, of which the oldest is of "
        f"{shown(oldest)}; {its_newest}. Outcomes are shown as soon as newer rows are loaded."
    )


def _after(past: PastRun, history: DatedHistory) -> tuple[sa.ColumnElement[bool], ...]:
    """The rows that belong to a run: those of the month from its day on, so that a monthly history has one of them.

    No row before it does: what its label describes began before the prediction, which would have seen a part of it.
    """
    return history.day >= past.day, history.day < a_month_after(past.day), history.label.is_not(None)


def a_month_after(day: date) -> date:
    """The same day of the next month, or its last day where it is shorter."""
    year, month = day.year + day.month // 12, day.month % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def _same(one: sa.ColumnElement[Any], other: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Ids as texts where view and history hold them in different types."""
    for kind in (sa.String, sa.Integer, sa.Uuid):
        if isinstance(one.type, kind) and isinstance(other.type, kind):
            return one == other
    return sa.cast(one, sa.Text) == sa.cast(other, sa.Text)
