"""The monitoring report of a version: its training compared with the data of today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.analytics.monitoring.feature_drift import ReferenceMissing, find_changes, read_drift
from loyalty_core.analytics.monitoring.retraining import Degradation, Facts, ModelAge, Retraining, recommend
from loyalty_core.analytics.monitoring.score_alarms import Alarm, input_alarms, score_alarms
from loyalty_core.analytics.monitoring.score_drift import read_scores
from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.serving import MOCK_VERSION, other_training_data, require_own_training
from loyalty_core.ml.tasks import TASKS, title_of
from loyalty_core.warehouse.history import find_history
from loyalty_core.warehouse.offers import offer_names
from loyalty_core.warehouse.predictions import run_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.ml.features import FeatureDrift
    from loyalty_core.warehouse import Warehouse
    from loyalty_core.warehouse.predictions import ScoringRun


@dataclass(frozen=True)
class Monitoring:
    """The report of one version; if `drift` is empty, `no_drift` has the reason. `run` is the last scoring, if any."""

    version: str
    facts: Facts
    alarms: tuple[Alarm, ...]
    run: ScoringRun | None
    drift: tuple[FeatureDrift, ...]
    no_drift: LoyaltyError | None

    @property
    def is_mock(self) -> bool:
        """Whether the last scoring was in mock mode, so that its alarms do not concern a model."""
        return self.run is not None and self.run.model_version == MOCK_VERSION

    def retraining(self, *degradations: Degradation) -> Retraining:
        """The recommendation when to retrain, including `degradations` found from outcomes."""
        return recommend(self.facts, *degradations)


def read_monitoring(warehouse: Warehouse, manifest: Mapping[str, Any]) -> Monitoring:
    """Compare a version's manifest with the view, histories and last scoring.

    Raises `ModelsOfOtherData` for a version that was trained on other data, `NeedsEveryCustomer`, and what the
    warehouse raises.
    """
    warehouse.require_every_customer("Drift and the advice on when to train again")
    require_own_training(manifest, warehouse)
    drift, no_drift = [], None
    try:
        drift = read_drift(warehouse, manifest)
    except ReferenceMissing as missing:
        no_drift = missing
    run, alarms = read_alarms(warehouse)
    facts = _facts(warehouse, manifest, drift, constant={alarm.column for alarm in alarms})
    return Monitoring(manifest["version"], facts, tuple(alarms), run, tuple(drift), no_drift)


def read_alarms(warehouse: Warehouse) -> tuple[ScoringRun | None, list[Alarm]]:
    """The last scoring run, and all alarms about it and about the models' inputs."""
    alarms = input_alarms(warehouse)
    predictions = warehouse.predictions
    run = None if predictions is None else run_of(warehouse, predictions)
    if predictions is None or run is None:
        return None, alarms
    return run, [*score_alarms(read_scores(warehouse, run, predictions), offer_names(warehouse)), *alarms]


def _facts(
    warehouse: Warehouse, manifest: Mapping[str, Any], drift: list[FeatureDrift], *, constant: set[str]
) -> Facts:
    """`constant` are the columns with the same value for all customers."""
    today = datetime.now(warehouse.settings.zone).date()
    other_data = other_training_data(manifest, warehouse)
    compared = [] if other_data else drift  # differences between customer bases are not drift
    return Facts(
        ages=tuple(_age(warehouse, model, entry, today) for model, entry in manifest["models"].items()),
        changes=tuple(find_changes(warehouse, manifest)),
        drifted=tuple(
            one.label for one in compared if one.state_since_training == "drifted" and one.column not in constant
        ),
        moved=tuple(one.label for one in compared if one.state == "moved"),
        not_learned=tuple(
            one.label for one in compared if one.is_not_learned and one.state_since_training != "drifted"
        ),
        broken=tuple(one.label for one in compared if one.state == "drifted" and one.column in constant),
        drift_known=bool(compared),
        trained_on=other_data,
    )


def _age(warehouse: Warehouse, model: str, entry: Mapping[str, Any], today: date) -> ModelAge:
    trained = datetime.fromisoformat(entry["trained_at"]).astimezone(warehouse.settings.zone).date()
    try:
        new_rows = _new_rows(warehouse, model, entry)
    except LoyaltyError:
        new_rows = None  # the Train tab reports a history that cannot be read
    return ModelAge(title_of(model), max((today - trained).days, 0), new_rows)


def _new_rows(warehouse: Warehouse, model: str, entry: Mapping[str, Any]) -> int | None:
    """Labelled rows after the last day of the training window; without days, the increase in rows."""
    history = find_history(warehouse, TASKS[model].history, warehouse.settings.ml_feature_mapping)
    counted = sa.select(sa.func.count().label("rows")).select_from(history.rows).where(history.label.is_not(None))
    last, before = entry["window"].get("last"), entry["rows"].get("total")
    if last is not None and history.day is not None:
        return warehouse.rows(counted.where(history.day > date.fromisoformat(last)))[0]["rows"]
    return max(warehouse.rows(counted)[0]["rows"] - before, 0) if before is not None else None
