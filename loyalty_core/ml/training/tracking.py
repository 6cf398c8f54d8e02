"""Logs trainings to the MLflow server in `MLFLOW_TRACKING_URI`, if one is set, through its REST API.

MLflow's own client is not used: it has about thirty dependencies, some pinned to versions older than those needed here.
https://mlflow.org/docs/latest/rest-api.html
"""

from __future__ import annotations

import io
import json
import time
from typing import TYPE_CHECKING, Any

from rich.console import Console

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.bundles import read_manifest, version_folder
from loyalty_core.ml.training.report import print_evaluation, print_findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from loyalty_core.ml.training.mlflow_server import MlflowServer
    from loyalty_core.ml.training.trained_bundle import TrainedBundle
    from loyalty_core.settings import Settings

# The limit of one call of log-batch.
_MAX_PARAMETERS = 100
_MAX_VALUE_LENGTH = 500


def log_training(settings: Settings, version: str, trained: TrainedBundle) -> str:
    """Log the version as a run and return a message about it, "" when no server is set. Never raises."""
    uri = settings.mlflow_tracking_uri
    if not uri:
        return ""
    # Few set one, and loading an HTTP client takes as long as a tenth of all else that a job loads.
    from loyalty_core.ml.training.mlflow_server import MlflowServer  # noqa: PLC0415

    try:
        _log_run(MlflowServer(uri), settings, version, trained)
    except LoyaltyError as error:
        return f"Not logged to MLflow: {error}"
    except (KeyError, TypeError, ValueError):
        return "Not logged to MLflow: the server at MLFLOW_TRACKING_URI is not an MLflow server."
    return f"Logged to MLflow as run {version} of the experiment “{settings.mlflow_experiment_name}”."


def _log_run(server: MlflowServer, settings: Settings, version: str, trained: TrainedBundle) -> None:
    now = int(time.time() * 1000)
    parts = trained.parts
    tags = {"version": version, "trained_by": parts.trained_by, "trained_on": parts.trained_on}
    run = server.post(
        "runs/create",
        experiment_id=server.experiment(settings.mlflow_experiment_name),
        run_name=version,
        start_time=now,
        tags=[{"key": name, "value": value} for name, value in tags.items()],
    )["run"]["info"]
    server.post(
        "runs/log-batch",
        run_id=run["run_id"],
        metrics=[{"key": name, "value": value, "timestamp": now, "step": 0} for name, value in _metrics(trained)],
        params=[{"key": name, "value": value} for name, value in _parameters(trained)][:_MAX_PARAMETERS],
    )
    manifest = without_rows(read_manifest(version_folder(settings.models_dir, version))[0])
    server.put(run["artifact_uri"], "manifest.json", json.dumps(manifest, indent=2))
    server.put(run["artifact_uri"], "report.txt", _report(trained))
    server.post("runs/update", run_id=run["run_id"], status="FINISHED", end_time=int(time.time() * 1000))


def without_rows(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest without golden and background rows, which contain customers' features."""
    models = {
        name: {key: value for key, value in entry.items() if key != "golden"}
        for name, entry in manifest["models"].items()
    }
    return {name: value for name, value in manifest.items() if name != "background"} | {"models": models}


def _parameters(trained: TrainedBundle) -> Iterator[tuple[str, str]]:
    for model in trained.findings:
        for name, value in trained.parts.models[model].options.items():
            yield f"{model}.{name}", str(value)[:_MAX_VALUE_LENGTH]


def _metrics(trained: TrainedBundle) -> Iterator[tuple[str, float]]:
    """The scalar metrics of each model and of its baselines, on the test rows."""
    for model in trained.findings:
        metrics = trained.parts.models[model].metrics
        for owner, figures in {model: metrics, **_of_baselines(model, metrics)}.items():
            for name, value in figures.items():
                if isinstance(value, int | float) and not isinstance(value, bool):
                    yield f"{owner}.{name}", value


def _of_baselines(model: str, metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{model}.{name}": figures for name, figures in metrics["baselines"].items()}


def _report(trained: TrainedBundle) -> str:
    text = io.StringIO()
    out = Console(file=text, width=120, highlight=False)
    print_findings(out, trained)
    print_evaluation(out, trained)
    return text.getvalue()
