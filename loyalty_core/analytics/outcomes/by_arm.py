"""The two arms of an A/B test side by side: what the versions predict for their customers, and what then happened."""

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
    """What the last scoring says of the customers of one version; `churn` is their mean probability to leave.

    `risks` and `offers` count customers by risk and by recommended offer; all are empty without such a model.
    """

    version: str
    customers: int
    churn: float | None
    risks: Mapping[str, int]
    offers: Mapping[int, int]


@dataclass(frozen=True)
class ArmOutcomes:
    """What became of each arm's customers who were scored in the test: champion first, then challenger.

    `churn_areas` are the AUCs by version on the latest month of which both are known. Where there is nothing yet,
    `why_no_churn` and `why_no_offers` say until when.
    """

    champion: VersionResult
    challenger: VersionResult
    churn_areas: Mapping[str, Measure]
    why_no_churn: str = ""
    why_no_offers: str = ""


def read_arm_scores(warehouse: Warehouse, served: ServedModels) -> tuple[ArmScores, ...]:
    """Champion and challenger, in one statement; empty until everybody was scored in the test as it is now."""
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
    own = defaultdict(list)
    for row in rows:
        own[row["model_version"]].append(row)
    return tuple(_arm(models.version, own[models.version]) for models in served.arms)


def read_arm_outcomes(warehouse: Warehouse, experiment: Experiment) -> ArmOutcomes:
    """Outcomes of customers scored since the test began. Raises as `results_by_version`."""
    found = {result.version: result for result in results_by_version(warehouse, experiment.start)}
    champion, challenger = (
        found.get(version, VersionResult(version)) for version in (experiment.champion, experiment.challenger)
    )
    has_churn, has_offers = (champion.left and challenger.left), (champion.took and challenger.took)
    return ArmOutcomes(
        champion,
        challenger,
        _areas(warehouse, experiment) if has_churn else {},
        why_no_churn="" if has_churn else _why_none(warehouse, CHURN, experiment),
        why_no_offers="" if has_offers else _why_none(warehouse, NBO, experiment),
    )


def mean_churn(warehouse: Warehouse) -> float | None:
    """The mean probability to leave of the last scoring; None before it, and without a churn model."""
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


def _areas(warehouse: Warehouse, experiment: Experiment) -> dict[str, Measure]:
    """Of the latest scoring that both versions took part in: before the test, the champion answered alone."""
    areas: dict[date, dict[str, Measure]] = defaultdict(dict)
    for month in read_outcomes(warehouse, CHURN).months:
        if month.figures.main is not None:
            areas[month.month][month.version] = month.figures.main
    both = {experiment.champion, experiment.challenger}
    return next((found for _, found in sorted(areas.items(), reverse=True) if found.keys() == both), {})


def _why_none(warehouse: Warehouse, task: ModelTask, experiment: Experiment) -> str:
    runs = past_runs(warehouse, experiment.start)
    if not runs:
        return "Nobody has been scored since the test began. Score all customers: results begin with that."
    try:
        history = dated_history(warehouse, task, runs[0].day)
    except OutcomesUnknown as unknown:
        return str(unknown)
    return why_none_yet(warehouse, history, runs[0].day, datetime.now(warehouse.settings.zone).date())
