"""Training on the demo warehouse, as the Training screen starts it: through the queue, in its own process."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from loyalty_core.errors import SettingsError
from loyalty_core.ml.bundles import list_versions, load_bundle, read_active
from loyalty_core.ml.tasks import TASKS
from loyalty_core.settings import Settings
from loyalty_core.warehouse.predictions import last_run
from loyalty_core.work.training import chosen_options
from tests.fixtures.jobs import is_gone, on_sqlite
from tests.waiting import wait_until
from tests.work.trainings import QUICK, ended, in_training, process_of
from tests.workbench import DEMO_CUSTOMERS, ROOT, clean_environment

if TYPE_CHECKING:
    from loyalty_core.services import Services


pytestmark = pytest.mark.slow


def active(services: Services) -> str:
    return load_bundle(services.settings.models_dir).version


@on_sqlite
def test_it_trains_a_version_that_is_not_active(services: Services, trained: str):
    job = ended(services.jobs, services.jobs.start("training", {**QUICK, "since": "2025-06-01"}, "ann"))
    assert job.state == "done", job.log_tail
    version = job.result["version"]
    assert list_versions(services.settings.models_dir) == [version, trained]
    assert active(services) == trained
    bundle = load_bundle(services.settings.models_dir, version)
    assert bundle.manifest["trained_by"] == "ann"
    for name in ("churn", "nbo"):
        entry = bundle.manifest["models"][name]
        assert entry["metrics"] == job.result["metrics"][name]
        assert entry["options"]["architecture"] == [4]
        assert entry["window"]["since"] == "2025-06-01"
        reported = [event.data for event in services.jobs.events(job.id) if event.data["model"] == name]
        assert [one["epoch"] for one in reported] == [1, 2, 3]
        assert reported[-1]["training_loss"] < reported[0]["training_loss"]
        assert reported[-1]["validation_loss"] < reported[0]["validation_loss"]
    assert job.message == f"Version {version} is trained."
    assert "Churn: training." in job.log_tail


@on_sqlite
@pytest.mark.parametrize("end", ["killed", "cancelled"])
def test_a_training_that_ends_early_leaves_the_active_models(services: Services, trained: str, end: str):
    job = in_training(services)
    assert (job.state, job.phase, job.total) == ("running", "Churn: training", 10_000), job.log_tail
    process = process_of(services, job)
    if end == "killed":
        process.kill()
    else:
        services.jobs.cancel(job.id, "bob")
    job = ended(services.jobs, job)
    assert job.state == {"killed": "failed", "cancelled": "cancelled"}[end]
    assert list_versions(services.settings.models_dir) == [trained]
    assert read_active(services.settings.models_dir).version == active(services) == trained
    assert len(services.jobs.events(job.id)) < 10_000
    wait_until(lambda: is_gone(process))


@on_sqlite
def test_a_history_that_cannot_train_is_the_failure_of_the_job(services: Services, trained: str):
    job = ended(services.jobs, services.jobs.start("training", {**QUICK, "since": "2100-01-01"}, "ann"))
    assert job.state == "failed"
    assert job.error.what == "customer_churn_history: There are no rows with a label."
    assert job.error.remedy == "Load the history, or choose an earlier start."
    assert list_versions(services.settings.models_dir) == [trained]


def test_options_are_the_settings_then_what_was_chosen():
    settings = Settings(ml_training={"epochs": 30, "churn": {"seed": 5}})
    both = chosen_options(settings, {"architecture": [8, 4], "trained_by": "ann"})
    assert list(both) == list(TASKS)
    assert (both["churn"].epochs, both["churn"].seed, both["nbo"].seed) == (30, 5, 7)
    assert both["nbo"].architecture == (8, 4)
    assert list(chosen_options(settings, {"models": ["nbo"], "seed": 1})) == ["nbo"]


@pytest.mark.parametrize(
    ("options", "message"),
    [({"models": ["rfm"]}, "names a model 'rfm'"), ({"epochs": 0}, "has the value 0 for epochs")],
)
def test_wrong_options_are_named(options: dict[str, object], message: str):
    with pytest.raises(SettingsError, match=message):
        chosen_options(Settings(), options)


def test_nothing_loads_tensorflow_before_the_training_begins():
    code = "import sys, loyalty_core.work.run; print({'tensorflow', 'keras'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


@on_sqlite
def test_one_job_trains_activates_what_can_be_and_scores(services: Services, trained: str):
    """With three epochs of a tiny network nothing is learned that a simple rule does not know."""
    options = {**QUICK, "models": ["churn"], "activate_and_score": True}
    job = ended(services.jobs, services.jobs.start("training", options, "ann"))
    assert job.state == "done", job.log_tail
    assert job.result["objections"].keys() == {"churn"}
    # Without the churn model the version has only what it carries over from the active one.
    version, used = job.result["version"], job.result["active"]
    bundle = load_bundle(services.settings.models_dir)
    assert (bundle.version, "churn" in bundle.models, "nbo" in bundle.models) == (used or trained, not used, True)
    assert job.result["scored"]["customers"] == DEMO_CUSTOMERS
    assert version in job.message
    assert job.message.endswith(f"{DEMO_CUSTOMERS:,} customers scored.")
    assert last_run(services.warehouse).model_version == bundle.version


@on_sqlite
def test_without_a_history_everybody_is_scored_by_rfm_alone(services: Services, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DWH_CHURN_TRAINING_QUERY", "SELECT * FROM customer_churn_history WHERE false")
    options = {**QUICK, "models": ["churn"], "activate_and_score": True}
    job = ended(services.jobs, services.jobs.start("training", options, "ann"))
    assert job.state == "done", job.log_tail
    assert job.result["version"] is None
    assert job.message.startswith("No model was trained: ")
    assert job.result["scored"]["customers"] == DEMO_CUSTOMERS
