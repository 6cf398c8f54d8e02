"""Checks of the models in use: their version, A/B test and training data, and what monitoring finds."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from loyalty_core.analytics.monitoring import Monitoring, read_monitoring
from loyalty_core.errors import LoyaltyError
from loyalty_core.health.check import Check, Status, failed_check
from loyalty_core.ml.bundles import Bundle, ModelNotFound, list_versions
from loyalty_core.ml.evaluation import grade_in_words
from loyalty_core.ml.serving import ModelsOfOtherData, ModelStatus, other_training_data
from loyalty_core.ml.tasks import TASKS
from loyalty_core.services import Services
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.source import name_data


def models_checks(services: Services) -> Iterator[Check]:
    status = services.inference.status()
    yield _version_in_use(status, services)
    yield from _experiment_check(status)
    try:
        models = services.inference.models()
    except ModelsOfOtherData as error:
        yield failed_check("Models", "Training data", error)
        return
    except LoyaltyError:
        return  # the check of the active version says why
    if isinstance(models, Bundle):
        yield from _bundle_checks(models, services.warehouse)
        yield from _monitoring_checks(models, services.warehouse)
    else:
        yield Check("Monitoring", "Alarms", "ok", "Off in mock mode, whose scores come from a formula.")


def _version_in_use(status: ModelStatus, services: Services) -> Check:
    if status.is_mock:
        remedy = "Set ML_MOCK_MODE to false for predictions of trained models."
        return Check("Models", "Active version", "warning", "Mock mode: predictions by formula.", remedy)
    if status.refusal is None:
        return Check("Models", "Active version", "ok", f"{status.version}.")
    if status.version is None and isinstance(status.refusal, ModelNotFound):
        trained = bool(list_versions(services.settings.models_dir))
        remedy = "Activate one of the versions on Training." if trained else status.refusal.remedy
        return Check("Models", "Active version", "warning", "No version is active.", remedy)
    serving = f" Version {status.version} continues to serve." if status.version else ""
    failed = failed_check("Models", "Active version", status.refusal)
    return replace(failed, status="warning", detail=failed.detail + serving)


def _experiment_check(status: ModelStatus) -> Iterator[Check]:
    if status.experiment_refusal is not None:
        failed = failed_check("Models", "A/B test", status.experiment_refusal)
        answers = "" if status.experiment else " The active version serves all customers."
        yield replace(failed, status="warning", detail=failed.detail + answers)
    elif status.experiment is not None:
        running = status.experiment
        yield Check("Models", "A/B test", "ok", f"{running.challenger} answers {running.share:.0%} of the customers.")


def _bundle_checks(bundle: Bundle, warehouse: Warehouse) -> Iterator[Check]:
    for name, task in TASKS.items():
        if bundle.has(name):
            entry = bundle.manifest["models"][name]
            graded = grade_in_words(entry["metrics"])
            day = datetime.fromisoformat(entry["trained_at"])
            trained = f"Trained {day:%-d %b %Y}." + (f" {graded}." if graded else "")
            yield Check("Models", task.title, "ok", trained)
        elif not task.is_optional:
            remedy = f"Once it has a history, run loyalty train --model {name}."
            yield Check("Models", task.title, "warning", "This version has no such model.", remedy)
    try:
        other = other_training_data(bundle.manifest, warehouse)
        here = name_data(warehouse)
    except LoyaltyError:
        return
    if other:
        yield Check(
            "Models",
            "Training data",
            "warning",
            f"Trained on other data ({other}) than this warehouse's ({here}).",
            "Train on it: loyalty train",
        )


def _monitoring_checks(bundle: Bundle, warehouse: Warehouse) -> Iterator[Check]:
    if warehouse.has_scope:
        yield Check("Monitoring", "Models against today's data", "ok", "Shown to viewers who see all customers.")
        return
    try:
        found = read_monitoring(warehouse, bundle.manifest)
    except LoyaltyError as error:
        yield replace(failed_check("Monitoring", "Models against today's data", error), status="warning")
        return
    retraining = found.retraining()
    status: Status = "warning" if retraining.remedy else "ok"
    yield Check("Monitoring", "Retraining", status, retraining.sentence, retraining.remedy)
    yield from _alarm_checks(found)


def _alarm_checks(found: Monitoring) -> Iterator[Check]:
    for alarm in found.alarms:
        yield Check("Monitoring", "Alarm", "warning", alarm.sentence, alarm.remedy)
    if not found.alarms:
        scores = "The last scores differ between customers" if found.run else "Nobody has been scored yet"
        yield Check("Monitoring", "Alarms", "ok", f"{scores}, and every input of the models varies.")
