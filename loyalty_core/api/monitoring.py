"""Whether the active models still hold, for programs that watch them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Depends

from loyalty_core.analytics.monitoring import Monitoring, read_monitoring
from loyalty_core.analytics.score_drift import ScoreChange, ScoredRun, changes, kept_runs, read_scores
from loyalty_core.api.predictions import say_mock
from loyalty_core.ml.bundle_files import MODEL_FILES, ModelNotFound, read_active, read_manifest, version_folder
from loyalty_core.ml.drift import State
from loyalty_core.ml.risk import RISKS
from loyalty_core.services import get_services

router = APIRouter(prefix="/dwh/ml", dependencies=[Depends(say_mock)])


@router.get("/monitoring/")
def monitoring() -> dict[str, Any]:
    """When to retrain, alarms, feature drift since the training, and score drift between scorings."""
    warehouse = get_services().warehouse
    found = read_monitoring(warehouse, _active_manifest())
    runs = [read_scores(warehouse, run, predictions) for run, predictions in kept_runs(warehouse)]
    return {
        "version": found.version,
        "retraining": _retraining(found),
        "alarms": [asdict(alarm) for alarm in found.alarms],
        "made_up": found.is_made_up,
        "drift": [one.to_json() for one in found.drift],
        "no_drift": str(found.no_drift) if found.no_drift else None,
        "scores": [_run(one, change) for one, change in zip(runs, [*changes(runs), None], strict=False)],
    }


def _active_manifest() -> Mapping[str, Any]:
    models_dir = get_services().settings.models_dir
    active = read_active(models_dir)
    if active is None:
        raise ModelNotFound(models_dir / MODEL_FILES["churn"])
    manifest, _ = read_manifest(version_folder(models_dir, active.version))
    return manifest


def _retraining(found: Monitoring) -> dict[str, Any]:
    retraining = found.retraining()
    return {
        "when": retraining.when,
        "sentence": retraining.sentence,
        "reasons": [asdict(reason) for reason in retraining.reasons],
    }


def _run(one: ScoredRun, change: ScoreChange | None) -> dict[str, Any]:
    """A run; what has changed since the one before is None for the oldest."""
    scores = one.scores
    return {
        "scored_at": one.run.scored_at.isoformat(),
        "versions": {version: of_version.customers for version, of_version in one.by_version.items()},
        "customers": scores.customers,
        "mean_churn_probability": scores.mean,
        "risk_shares": {risk: scores.risk_share(risk) for risk in RISKS},
        "offer_shares": {str(offer): scores.offer_share(offer) for offer in sorted(scores.offers)},
        "churn": _index(change.churn_psi, change.churn_state) if change else None,
        "offers": _index(change.offers_psi, change.offers_state) if change else None,
        "cause": change.cause if change else None,
    }


def _index(index: float | None, state: State | None) -> dict[str, Any] | None:
    return None if index is None else {"psi": round(index, 4), "state": state}
