"""The two arms of an A/B test: the predictions for their customers, and their outcomes."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from loyalty_core.analytics.outcomes.by_version import VersionResult, results_by_version
from loyalty_core.analytics.outcomes.matching import OutcomesUnknown, dated_history, past_runs, why_none_yet
from loyalty_core.analytics.outcomes.past_predictions import read_outcomes
from loyalty_core.ml.tasks import CHURN, NBO
from loyalty_core.warehouse.predictions import last_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loyalty_core.analytics.outcomes.figures import Measure
    from loyalty_core.ml.bundles import Experiment
    from loyalty_core.ml.serving import ServedModels
    from loyalty_core.ml.tasks import ModelTask
    from loyalty_core.warehouse import Warehouse
    from loyalty_core.warehouse.connection import Row


@dataclass(frozen=True)
class ArmScores:
    """The last scoring of one arm's customers; `churn` is their mean churn probability, None without a churn model.

    `risks` and `offers` count customers by risk and by recommended offer; they are empty without the model.
    """

    version: str
    customers: int
    churn: float | None
    risks: Mapping[str, int]
    offers: Mapping[int, int]


@dataclass(frozen=True)
class ArmOutcomes:
    """The outcomes of each arm's customers who were scored during the test.

    `churn_auc` has the AUC by version for the latest month in which both are known. If there are no outcomes yet,
    `why_no_churn` and `why_no_offers` say why.
    """

    champion: VersionResult
    challenger: VersionResult
    churn_auc: Mapping[str, Measure]
    why_no_churn: str = ""
    why_no_offers: str = ""


def read_arm_scores(warehouse: Warehouse, served: ServedModels) -> tuple[ArmScores, ...]:
    """The scores of champion and challenger, in one statement; empty until a scoring was made with the current test."""
    run, predictions = last_run(warehouse), warehouse.predictions
    if run is None or predictions is None or not served.made(run):
        return ()
    by = [predictions.c[name] for name in ("model_version", "churn_risk", "recommended_offer")]
    churn, answered = sa.func.sum(predictions.c.churn_probability), sa.func.count(predictions.c.churn_probability)
    rows = warehouse.rows(
        sa.select(*by, sa.func.count().label("customers"), churn.label("churn"), answered.label("answered")).group_by(
            *by
        )
    )
    by_version = defaultdict(list)
    for row in rows:
        by_version[row["model_version"]].append(row)
    return tuple(_arm(models.version, by_version[models.version]) for models in served.arms)


def read_arm_outcomes(warehouse: Warehouse, experiment: Experiment) -> ArmOutcomes:
    """Outcomes of customers scored since the test began. Raises what `results_by_version` raises."""
    found = {result.version: result for result in results_by_version(warehouse, experiment.start)}
    champion, challenger = (
        found.get(version, VersionResult(version)) for version in (experiment.champion, experiment.challenger)
    )
    has_churn, has_offers = (champion.left and challenger.left), (champion.took and challenger.took)
    return ArmOutcomes(
        champion,
        challenger,
        _churn_auc(warehouse, experiment) if has_churn else {},
        why_no_churn="" if has_churn else _why_none(warehouse, CHURN, experiment),
        why_no_offers="" if has_offers else _why_none(warehouse, NBO, experiment),
    )


def mean_churn(warehouse: Warehouse) -> float | None:
    """The mean churn probability of the last scoring; None before the first, and without a churn model."""
    predictions = warehouse.predictions
    if predictions is None:
        return None
    mean = warehouse.rows(sa.select(sa.func.avg(predictions.c.churn_probability).label("mean")))[0]["mean"]
    return None if mean is None else float(mean)


def _arm(version: str, rows: Sequence[Row]) -> ArmScores:
    risks, offers = Counter[str](), Counter[int]()
    for row in rows:
        if row["churn_risk"] is not None:
            risks[row["churn_risk"]] += row["customers"]
        if row["recommended_offer"] is not None:
            offers[row["recommended_offer"]] += row["customers"]
    answered = sum(row["answered"] for row in rows)
    churn = sum(float(row["churn"] or 0) for row in rows) / answered if answered else None
    return ArmScores(version, sum(row["customers"] for row in rows), churn, risks, offers)


def _churn_auc(warehouse: Warehouse, experiment: Experiment) -> dict[str, Measure]:
    """The AUCs of the latest month in which both versions served; before the test, only the champion did."""
    by_month: dict[date, dict[str, Measure]] = defaultdict(dict)
    for month in read_outcomes(warehouse, CHURN).months:
        if month.figures.main is not None:
            by_month[month.month][month.version] = month.figures.main
    both = {experiment.champion, experiment.challenger}
    return next((found for _, found in sorted(by_month.items(), reverse=True) if found.keys() == both), {})


def _why_none(warehouse: Warehouse, task: ModelTask, experiment: Experiment) -> str:
    runs = past_runs(warehouse, experiment.start)
    if not runs:
        return "Nobody has been scored since the test began. Score all customers to start collecting outcomes."
    try:
        history = dated_history(warehouse, task, runs[0].day)
    except OutcomesUnknown as unknown:
        return str(unknown)
    return why_none_yet(warehouse, history, runs[0].day, datetime.now(warehouse.settings.zone).date())
