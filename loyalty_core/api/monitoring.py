"""Monitoring of the active models: drift, alarms, outcomes, and when to retrain."""

from typing import Any

from fastapi import APIRouter, Depends

from loyalty_core.access import Action
from loyalty_core.analytics.monitoring import (
    Degradation,
    ScoreChange,
    ScoredRun,
    changes,
    read_alarms,
    read_monitoring,
    read_scores,
)
from loyalty_core.analytics.outcomes import read_verdicts
from loyalty_core.api.access import allowed
from loyalty_core.api.monitoring_answers import MonitoringAnswer
from loyalty_core.api.predictions import mark_mock_mode
from loyalty_core.api.work_limits import rule_slot
from loyalty_core.ml.bundles import ModelNotFound, load_bundle
from loyalty_core.ml.features import State
from loyalty_core.ml.serving import MOCK_VERSION
from loyalty_core.ml.tasks import CHURN, RISKS
from loyalty_core.ml.versions import VersionRecord, read_versions
from loyalty_core.services import get_services
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.identity import DataIdentity
from loyalty_core.warehouse.predictions import stored_runs

router = APIRouter(prefix="/dwh/ml", dependencies=[allowed(Action.VIEW), Depends(mark_mock_mode)])


@router.get("/monitoring/", response_model=MonitoringAnswer, dependencies=[rule_slot])
def monitoring() -> dict[str, Any]:
    """When to retrain, alarms, feature drift since training, outcomes, and score drift between runs."""
    services = get_services()
    if services.settings.ml_mock_mode:
        return _mock(services.warehouse)
    warehouse, active = services.warehouse, _active(services.settings)
    found = read_monitoring(warehouse, active.manifest or {})
    verdicts = read_verdicts(warehouse, active, load_bundle(services.settings.models_dir, active.version))
    worse = [Degradation(verdict.clause) for verdict in verdicts.values() if verdict.is_worse]
    return {
        "version": found.version,
        "retraining": found.retraining(*worse),
        "alarms": found.alarms,
        "made_up": found.is_mock,
        "drift": [one.to_json() for one in found.drift],
        "no_drift": str(found.no_drift) if found.no_drift else None,
        "outcomes": verdicts,
        "scores": _scores(warehouse),
    }


def _mock(warehouse: Warehouse) -> dict[str, Any]:
    """The response in mock mode, without drift and outcomes, since no model has been trained."""
    _, alarms = read_alarms(warehouse)
    return {
        "version": MOCK_VERSION,
        "retraining": {"when": "not yet", "sentence": "Mock mode: there is no model to retrain.", "reasons": []},
        "alarms": alarms,
        "made_up": True,
        "drift": [],
        "no_drift": "Mock mode: there is no training to compare with.",
        "outcomes": {},
        "scores": _scores(warehouse),
    }


def _scores(warehouse: Warehouse) -> list[dict[str, Any]]:
    """All stored runs, newest first, each with the changes since the run before."""
    runs = [read_scores(warehouse, run, predictions) for run, predictions in stored_runs(warehouse)]
    changed = zip(runs, [*changes(runs), None], strict=False)
    return [_run(one, change, warehouse.identity) for one, change in changed]


def _active(settings: Settings) -> VersionRecord:
    """The active version; raises `ModelNotFound` before the first training, and the error of a refused version."""
    active = next((record for record in read_versions(settings.models_dir) if record.is_active), None)
    if active is None:
        raise ModelNotFound(settings.models_dir / CHURN.file)
    if active.refusal is not None:
        raise active.refusal
    return active


def _run(one: ScoredRun, change: ScoreChange | None, identity: DataIdentity) -> dict[str, Any]:
    """One run, and whether the data has changed since; the changes from the run before are None for the oldest."""
    scores = one.scores
    return {
        "scored_at": one.run.scored_at,
        "data_changed": one.run.is_of_earlier_data(identity),
        "versions": {version: of_version.customers for version, of_version in one.by_version.items()},
        "customers": scores.customers,
        "mean_churn_probability": scores.mean,
        "risk_shares": {risk: scores.risk_share(risk) for risk in RISKS},
        "offer_shares": {str(offer): scores.offer_share(offer) for offer in sorted(scores.offers)},
        CHURN.name: _index(change.churn_psi, change.churn_state) if change else None,
        "offers": _index(change.offers_psi, change.offers_state) if change else None,
        "cause": change.cause if change else None,
    }


def _index(index: float | None, state: State | None) -> dict[str, Any] | None:
    return None if index is None else {"psi": round(index, 4), "state": state}
