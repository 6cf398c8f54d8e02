"""The job that trains: models from the warehouse's history, saved as a version; if wanted, it activates and scores."""

from __future__ import annotations

import logging
import math
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from loyalty_core.errors import SettingsError
from loyalty_core.jobs.report import JobStopped
from loyalty_core.ml.bundles import write_bundle
from loyalty_core.ml.serving import RFM_ONLY_VERSION
from loyalty_core.ml.tasks import TASKS, UPLIFT, TrainingRefused, title_of
from loyalty_core.ml.training import TrainingOptions, options_for
from loyalty_core.ml.training.report import describe
from loyalty_core.ml.training.tracking import log_training
from loyalty_core.ml.versions.promotion import WorseVersion
from loyalty_core.warehouse.history import HistoryMissing
from loyalty_core.work.comparing import compare_with_active
from loyalty_core.work.scoring import score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.jobs.report import Report
    from loyalty_core.ml.training.progress import Progress
    from loyalty_core.ml.training.trained_bundle import TrainedBundle
    from loyalty_core.services import Services
    from loyalty_core.settings import Settings

ORIGIN = "This training"
# Of the job, rather than of a model.
_NOT_OPTIONS = frozenset({"models", "trained_by", "campaigns", "activate_and_score"})

_log = logging.getLogger(__name__)


def train_models(services: Services, options: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Train and save a version; the active one stays active, and nothing is written before the end.

    `options` are those of `TrainingOptions` that were chosen, with `models` (a list of names, all where it
    is missing), `trained_by`, `campaigns`, whose recorded outcomes the uplift model then learns from in place of
    the history in the warehouse, and `activate_and_score`: then what can be activated is, and all customers are scored,
    by RFM alone if no model can be trained.
    """
    if not options.get("activate_and_score"):
        return _train(services, options, report)[1]
    try:
        trained, result = _train(services, options, report)
    except (HistoryMissing, TrainingRefused) as error:
        said = f"No model was trained: {error}"
        return {"version": None, "left_out": {}, "scored": _score(services, report, said)}
    active = _activate(services, trained, result["version"], options["trained_by"], report)
    return result | {"active": active, "scored": _score(services, report, _active_in_words(result, active))}


def _train(services: Services, options: Mapping[str, Any], report: Report) -> tuple[TrainedBundle, dict[str, Any]]:
    """What was trained, and the result of the job."""
    report.phase("Starting TensorFlow")
    chosen = chosen_options(services.settings, options)
    # Only this process loads TensorFlow, and wrong options are reported before it does.
    from loyalty_core.ml.training.train import train  # noqa: PLC0415

    report.raise_if_stopped()
    campaigns = options.get("campaigns", ())
    histories = {UPLIFT.name: services.campaigns.treatment_history(campaigns)} if campaigns else {}
    trained = train(services.warehouse, chosen, ProgressReporter(report).show, options.get("trained_by", ""), histories)
    report.phase("Saving the version")
    version = write_bundle(services.settings.models_dir, trained.parts)
    compare_with_active(services, version, report)
    logged = log_training(services.settings, version, trained)
    left_out = {name: str(error) for name, error in trained.left_out.items()}
    skipped = [f"{title_of(name)} was not trained: {error}" for name, error in left_out.items()]
    _say_at_the_end(report, " ".join(filter(None, [f"Version {version} is trained.", *skipped, logged])))
    return trained, {
        "version": version,
        "metrics": {name: trained.parts.models[name].metrics for name in trained.findings},
        "findings": {name: [asdict(one) for one in found] for name, found in trained.findings.items()},
        "carried": list(trained.carried),
        "left_out": left_out,
        "leaks": trained.leaks,
        "objections": trained.objections(),
    }


def _activate(services: Services, trained: TrainedBundle, version: str, actor: str, report: Report) -> str | None:
    """Activate the version, or one without the models that a person must decide about; None where nothing can be."""
    report.phase("Activating what can be")
    parts = trained.usable()
    if parts is None:
        return None
    if parts.models.keys() != trained.parts.models.keys():
        version = write_bundle(services.settings.models_dir, parts)
    try:
        services.promotion.activate(version, actor)
    except WorseVersion:
        return None
    return version


def _score(services: Services, report: Report, said: str) -> dict[str, Any]:
    scored = score(services, {}, report)
    alone = " by RFM alone" if scored["model_version"] == RFM_ONLY_VERSION else ""
    _say_at_the_end(report, f"{said} {scored['customers']:,} customers scored{alone}. {scored['unread']}".rstrip())
    return scored


def _active_in_words(result: Mapping[str, Any], active: str | None) -> str:
    if active == result["version"]:
        return f"Version {active} is trained and active."
    trained = f"Version {result['version']} is trained; it awaits a decision"
    return f"{trained}." if active is None else f"{trained}, and {active}, without the models in doubt, is active."


def _say_at_the_end(report: Report, message: str) -> None:
    """The version is written, so a request to stop comes too late and is ignored."""
    with suppress(JobStopped):
        report.message(message)


def chosen_options(settings: Settings, options: Mapping[str, Any]) -> dict[str, TrainingOptions]:
    """The options of each model to train: ML_TRAINING's, then those chosen. Raises `SettingsError`."""
    wanted = options.get("models") or tuple(TASKS)
    if unknown := set(wanted) - TASKS.keys():
        known = ", ".join(TASKS)
        raise SettingsError(f"{ORIGIN} names a model {min(unknown)!r} that does not exist.", f"Known: {known}.")
    own = {name: value for name, value in options.items() if name not in _NOT_OPTIONS}
    return {name: options_for(name, TrainingOptions(), settings, {}).replaced(own, ORIGIN) for name in wanted}


class ProgressReporter:
    """Reports the progress of a training, with a line in the log for each epoch and each part of the work."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._phase = ""

    def show(self, progress: Progress) -> None:
        title = title_of(progress.model)
        match progress.stage:
            case "reading":
                self._begin(f"{title}: reading the history")
                self._report.progress(progress.rows)
            case "training":
                self._begin(f"{title}: training", progress.epochs)
                self._report.event(
                    {
                        "model": progress.model,
                        "epoch": progress.epoch,
                        "epochs": progress.epochs,
                        "training_loss": _finite(progress.training_loss),
                        "validation_loss": _finite(progress.validation_loss),
                    }
                )
                self._report.progress(progress.epoch, progress.epochs)
                _log.info("%s: %s", title, describe(progress))
            case "evaluating":
                self._begin(f"{title}: comparing with simple models")
        self._report.message(f"{title}: {describe(progress)}")

    def _begin(self, phase: str, total: int | None = None) -> None:
        if phase != self._phase:
            self._phase = phase
            self._report.phase(phase, total)
            _log.info("%s.", phase)


def _finite(loss: float | None) -> float | None:
    """JSON cannot express an infinite or undefined loss."""
    return loss if loss is not None and math.isfinite(loss) else None
