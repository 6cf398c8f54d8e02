"""Outcomes by model version: the customers who left, and those who took the recommended offer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from loyalty_core.analytics.outcomes.figures import Share
from loyalty_core.analytics.outcomes.matching import (
    DatedHistory,
    OutcomesUnknown,
    PastRun,
    dated_history,
    offers_by_label,
    outcomes_of,
    past_runs,
)
from loyalty_core.errors import ViewUnusable
from loyalty_core.ml.tasks import CHURN, NBO
from loyalty_core.warehouse.predictions import CUSTOMER_ID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from loyalty_core.ml.tasks import ModelTask
    from loyalty_core.warehouse import Warehouse


@dataclass(frozen=True)
class VersionResult:
    """The outcomes of a version's customers, each counted once, by the first scoring whose outcome is known.

    `left` is the share that left, `predicted` their mean churn probability, `took` the share that took the recommended
    offer. They are None as long as no outcomes are known.
    """

    version: str
    left: Share | None = None
    predicted: float | None = None
    took: Share | None = None


def results_by_version(warehouse: Warehouse, since: datetime | None = None) -> tuple[VersionResult, ...]:
    """The versions with known outcomes, by name; `since` excludes earlier scorings.

    Raises what `find_history` raises, and `TrainingRefused` for labels that cannot be read.
    """
    runs = past_runs(warehouse, since)
    churn, took = _churn(warehouse, runs), _offers(warehouse, runs)
    return tuple(
        VersionResult(version, *churn.get(version, (None, None)), took.get(version))
        for version in sorted(churn.keys() | took.keys())
    )


def _churn(warehouse: Warehouse, runs: Sequence[PastRun]) -> dict[str, tuple[Share, float]]:
    history = _history(warehouse, CHURN, runs)
    if history is None:
        return {}
    outcomes = [
        outcomes_of(past, history, _of_run(past, past.predictions.c[CHURN.score_column].label("predicted"))).where(
            past.predictions.c[CHURN.score_column].is_not(None)
        )
        for past in runs
    ]
    first = _first_of_each(outcomes)
    groups = (first.c.model_version, first.c.label)
    counts = (sa.func.count().label("customers"), sa.func.sum(first.c.predicted).label("predicted"))
    found = warehouse.fetch_arrow(sa.select(*groups, *counts).where(first.c.place == 1).group_by(*groups))
    if not found.num_rows:
        return {}
    left = history.classes(found["label"].combine_chunks()) == 1
    versions, customers = found["model_version"].to_numpy(), found["customers"].cast(pa.int64()).to_numpy()
    predicted = found["predicted"].to_numpy()
    results: dict[str, tuple[Share, float]] = {}
    for version in np.unique(versions):
        rows = versions == version
        total = int(customers[rows].sum())
        results[str(version)] = Share(int(customers[rows & left].sum()), total), float(predicted[rows].sum() / total)
    return results


def _offers(warehouse: Warehouse, runs: Sequence[PastRun]) -> dict[str, Share]:
    history = _history(warehouse, NBO, runs)
    if history is None:
        return {}
    outcomes = []
    for past in runs:
        recommended = past.predictions.c[NBO.group_column]
        joined = outcomes_of(past, history, _of_run(past, recommended)).where(recommended.is_not(None)).subquery()
        taken = _offer_of(joined.c.label, offers_by_label(warehouse, past, history))
        took = sa.case((taken == joined.c.recommended_offer, 1), else_=0).label("took")
        outcomes.append(sa.select(joined.c.model_version, joined.c.customer, joined.c.run, took))
    first = _first_of_each(outcomes)
    version, customers = first.c.model_version, sa.func.count().label("customers")
    counts = sa.select(version, customers, sa.func.sum(first.c.took).label("took"))
    rows = warehouse.rows(counts.where(first.c.place == 1).group_by(version))
    return {row["model_version"]: Share(int(row["took"]), row["customers"]) for row in rows}


def _history(warehouse: Warehouse, task: ModelTask, runs: Sequence[PastRun]) -> DatedHistory | None:
    if not runs:
        return None
    try:
        return dated_history(warehouse, task, runs[0].day)
    except (OutcomesUnknown, ViewUnusable):
        return None


def _of_run(past: PastRun, column: sa.ColumnElement[Any]) -> tuple[sa.ColumnElement[Any], ...]:
    columns, run = past.predictions.c, sa.literal(past.run.scored_at).label("run")
    return columns.model_version, columns[CUSTOMER_ID].label("customer"), run, column


def _first_of_each(outcomes: Sequence[sa.Select]) -> sa.Subquery:
    """The outcomes of all runs, with `place` 1 for each customer's first outcome by a version."""
    every = sa.union_all(*outcomes).subquery("outcomes")
    order = sa.func.row_number().over(partition_by=(every.c.model_version, every.c.customer), order_by=every.c.run)
    return sa.select(every, order.label("place")).subquery("placed")


def _offer_of(label: sa.ColumnElement[Any], offers: Mapping[Any, int]) -> sa.ColumnElement[Any]:
    """The offer id that a label stands for."""
    return sa.case(*((label == value, offer) for value, offer in offers.items())) if offers else sa.null()
