"""The accuracy of stored predictions, by month of scoring and model version.

Only the first scoring of each calendar month is used, so that no customer counts twice in a month. The warehouse joins
and counts; it returns groups: customers by score for churn, by offer taken for offers.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import sqlalchemy as sa

from loyalty_core.analytics.outcomes.figures import (
    ChurnFigures,
    Figures,
    OfferFigures,
    Share,
    churn_figures,
    count_scores,
)
from loyalty_core.analytics.outcomes.matching import (
    NO_UPLIFT_OUTCOMES,
    DatedHistory,
    OutcomesUnknown,
    PastRun,
    dated_history,
    offers_by_label,
    outcomes_of,
    past_runs,
    why_none_yet,
)
from loyalty_core.analytics.outcomes.months import Month, MonthlyFigures
from loyalty_core.ml.tasks import BinaryTask, ChoiceTask, UpliftTask
from loyalty_core.warehouse.predictions import first_of_months

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from loyalty_core.ml.tasks import ModelTask
    from loyalty_core.warehouse import Warehouse

_F = TypeVar("_F", bound=Figures)

_OFFER = "offer_"


def read_outcomes(warehouse: Warehouse, task: ModelTask) -> MonthlyFigures[Any]:
    """The accuracy of a model's stored predictions: `ChurnFigures` for a binary model, `OfferFigures` for a choice.

    Raises what `find_history` raises, and `TrainingRefused` for labels that cannot be read.
    """
    if isinstance(task, UpliftTask):
        return MonthlyFigures(why_none=NO_UPLIFT_OUTCOMES)
    return _by_month(warehouse, task, _choice_by_version if isinstance(task, ChoiceTask) else _binary_by_version)


def _by_month(
    warehouse: Warehouse,
    task: ModelTask,
    by_version: Callable[[Warehouse, PastRun, DatedHistory], Iterator[tuple[str, _F]]],
) -> MonthlyFigures[_F]:
    runs = past_runs(warehouse)
    firsts = set(first_of_months(past.run.scored_at for past in runs))
    runs = [past for past in runs if past.run.scored_at in firsts]
    if not runs:
        return MonthlyFigures(
            why_none="No predictions are stored yet: score all customers to see their outcomes here later."
        )
    oldest = runs[0].day
    try:
        history = dated_history(warehouse, task, oldest)
    except OutcomesUnknown as unknown:
        return MonthlyFigures(why_none=str(unknown))
    months = tuple(
        Month(_month_of(past.run.scored_at), version, of_version)
        for past in runs
        for version, of_version in by_version(warehouse, past, history)
    )
    if months:
        return MonthlyFigures(months)
    today = datetime.now(warehouse.settings.zone).date()
    return MonthlyFigures(why_none=why_none_yet(warehouse, history, oldest, today))


def _binary_by_version(
    warehouse: Warehouse, past: PastRun, history: DatedHistory
) -> Iterator[tuple[str, ChurnFigures]]:
    predictions = past.predictions.c
    if history.task.score_column not in predictions:
        return  # the run was made before there was such a model
    score = predictions[history.task.score_column]
    known = (
        outcomes_of(past, history, (predictions.model_version, score.label("score")))
        .where(score.is_not(None))
        .subquery("known")
    )
    groups = (known.c.model_version, known.c.score, known.c.label)
    found = warehouse.fetch_arrow(sa.select(*groups, sa.func.count().label("customers")).group_by(*groups))
    if not found.num_rows:
        return
    classes = history.classes(found["label"].combine_chunks())
    is_known = history.task.is_known(classes)
    found, classes = found.filter(pa.array(is_known)), classes[is_known]
    left = (history.task.yes_or_no(classes) if isinstance(history.task, BinaryTask) else classes) == 1
    versions = found["model_version"].to_numpy()
    scores, customers = found["score"].to_numpy(), found["customers"].cast(pa.int64()).to_numpy()
    for version in sorted(set(versions)):
        rows = versions == version
        yield version, churn_figures(count_scores(scores[rows], left[rows], customers[rows]))


def _choice_by_version(
    warehouse: Warehouse, past: PastRun, history: DatedHistory
) -> Iterator[tuple[str, OfferFigures]]:
    groups = _offers_taken(past, history, offers_by_label(warehouse, past, history))
    rows = warehouse.rows(groups) if groups is not None else []
    for version in sorted({row["model_version"] for row in rows}):
        of_version = [row for row in rows if row["model_version"] == version]
        customers = sum(row["customers"] for row in of_version)
        yield (
            version,
            OfferFigures(
                top_1=Share(int(sum(row["first"] for row in of_version)), customers),
                top_3=Share(int(sum(row["first_three"] for row in of_version)), customers),
                popular=Share(max(row["customers"] for row in of_version), customers),
            ),
        )


def _offers_taken(past: PastRun, history: DatedHistory, labels: Mapping[Any, int]) -> sa.Select | None:
    """By version and offer taken: all customers, and those for whom it was ranked first or among the first three."""
    predictions = past.predictions.c
    task = history.task
    if not isinstance(task, ChoiceTask):
        return None
    prefix = task.offer_prefix
    scores = {int(name.removeprefix(prefix)): column for name, column in predictions.items() if _is_offer(name, prefix)}
    if not scores or not labels:
        return None
    columns = (predictions.model_version, *(column.label(f"{_OFFER}{offer}") for offer, column in scores.items()))
    known = outcomes_of(past, history, columns).where(predictions[task.group_column].is_not(None)).subquery("known")
    taken = [
        (known.c.label == value, known.c[f"{_OFFER}{offer}"]) for value, offer in labels.items() if offer in scores
    ]
    ranked = sa.select(known, (sa.case(*taken) if taken else sa.null()).label("score_of_taken")).subquery("ranked")
    rank = _rank(ranked.c.score_of_taken, [ranked.c[f"{_OFFER}{offer}"] for offer in scores])
    groups = (ranked.c.model_version, ranked.c.label)
    return sa.select(
        *groups,
        sa.func.count().label("customers"),
        sa.func.sum(sa.case((rank <= 1, 1), else_=0)).label("first"),
        sa.func.sum(sa.case((rank <= 3, 1), else_=0)).label("first_three"),
    ).group_by(*groups)


def _rank(taken: sa.ColumnElement[Any], scores: list[sa.ColumnElement[Any]]) -> sa.ColumnElement[Any]:
    """The rank of the offer taken by its score, with ties at their mean; NULL if the model did not know the offer."""
    higher = sum((sa.case((score > taken, 1.0), else_=0.0) for score in scores), start=sa.literal(0.0))
    equal = sum((sa.case((score == taken, 0.5), else_=0.0) for score in scores), start=sa.literal(0.5))
    return sa.case((taken.is_not(None), higher + equal))


def _is_offer(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and name.removeprefix(prefix).isdecimal()


def _month_of(scored_at: datetime) -> date:
    return scored_at.astimezone(UTC).date().replace(day=1)
