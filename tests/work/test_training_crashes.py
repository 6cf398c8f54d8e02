"""Trainings that are killed, apps that are killed while one runs, and disks that fill up: the live model answers on."""

from __future__ import annotations

import json
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from loyalty_core.jobs import JobQueue
from loyalty_core.ml.bundles import activate, list_versions, load_bundle, rollback, write_bundle
from loyalty_core.services import get_services
from tests.fixtures.jobs import PATIENCE, is_gone, on_sqlite
from tests.ml.fixtures import other_parts
from tests.predictor import predicting
from tests.waiting import wait_until
from tests.work.trainings import LONG, QUICK, ended, in_training, process_of
from tests.workbench import ROOT

if TYPE_CHECKING:
    from loyalty_core.jobs import Job
    from loyalty_core.services import Services
    from tests.small_disk import SmallDisk
    from tests.workbench import Configure

pytestmark = pytest.mark.extended


# The parts of a training's life, and within how many seconds of its beginning it is killed there.
MOMENTS = {
    "Starting": 2.0,
    "Starting TensorFlow": 2.0,
    "Churn: reading the history": 0.05,
    "Next best offer: reading the history": 0.05,
    "Churn: training": 0.6,
    "Churn: comparing with simple models": 0.3,
    "Next best offer: training": 0.6,
    "Next best offer: comparing with simple models": 0.3,
}
FILES_TOUCHED = 8
# What SQLite takes of the disk before it can read: the index of its log.
ROOM_TO_READ = 36_864


@pytest.fixture
def mortal(services: Services) -> JobQueue:
    """Starts trainings that are killed at the moment `DIES_AT`."""
    return JobQueue(services.store, module="tests.work.trainer", patience=PATIENCE)


def active_file(services: Services) -> bytes:
    return (services.settings.models_dir / "active.json").read_bytes()


def expect_untouched(services: Services, version: str, before: bytes) -> None:
    """What was active is, byte for byte, and every version in the list is whole."""
    models_dir = services.settings.models_dir
    assert active_file(services) == before
    assert load_bundle(models_dir).version == version
    for listed in list_versions(models_dir):
        load_bundle(models_dir, listed)


def expect_training_works(services: Services, models: list[str]) -> None:
    """A training afterwards keeps a version, and leaves nothing unfinished behind."""
    job = ended(services.jobs, services.jobs.start("training", {**QUICK, "models": models}, "ann"))
    assert job.state == "done", job.log_tail
    models_dir = services.settings.models_dir
    assert load_bundle(models_dir, job.result["version"]).version == list_versions(models_dir)[0]
    assert [path for path in models_dir.rglob(".*") if path.name != ".lock"] == []


def kill_at(moment: str, queue: JobQueue, models: list[str], monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setenv("DIES_AT", moment)
    return ended(queue, queue.start("training", {**QUICK, "models": models}, "ann"))


def expect_killed(job: Job) -> None:
    assert job.state == "failed", job.log_tail
    assert job.error.what == "Training ended before it was finished."
    assert "signal 9" in job.error.why
    assert job.error.remedy.startswith("Start it again.")


@on_sqlite
@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("Starting TensorFlow@0.1", marks=pytest.mark.slow),
        pytest.param("Churn: training@0.1", marks=pytest.mark.slow),
        pytest.param("file@5", marks=pytest.mark.slow),
    ],
)
def test_a_killed_training_leaves_the_models_in_use(
    services: Services, trained: str, mortal: JobQueue, monkeypatch: pytest.MonkeyPatch, moment: str
):
    models_dir, before = services.settings.models_dir, active_file(services)
    expect_killed(kill_at(moment, mortal, ["churn"], monkeypatch))
    expect_untouched(services, trained, before)
    assert list_versions(models_dir) == [trained]
    assert mortal.running("training") is None
    # The next one to write, whoever it is, clears away what was begun.
    version = write_bundle(models_dir, other_parts())
    assert {path.name for path in (models_dir / "versions").iterdir()} == {trained, version}


def ten_moments(chance: random.Random) -> list[str]:
    """One in each part of a training's life, at random within the part."""
    in_phases = [f"{phase}@{chance.uniform(0, longest):.3f}" for phase, longest in MOMENTS.items()]
    return [*in_phases, f"file@{chance.randint(1, FILES_TOUCHED)}", "end@0"]


@pytest.mark.slow
@on_sqlite
def test_killed_at_ten_random_moments(
    services: Services, trained: str, mortal: JobQueue, monkeypatch: pytest.MonkeyPatch
):
    seed = int(os.environ.get("CRASH_SEED") or secrets.randbelow(10**6))
    print(f"CRASH_SEED={seed}")  # shown where the test fails
    before = active_file(services)
    with predicting() as predictor:
        predictor.wait_for(trained)
        for moment in ten_moments(random.Random(seed)):
            print(moment)
            expect_killed(kill_at(moment, mortal, ["churn", "nbo"], monkeypatch))
            expect_untouched(services, trained, before)
    assert len(list_versions(services.settings.models_dir)) == 2  # at the very end, the version was complete
    assert predictor.stop().versions == [trained]
    expect_training_works(services, ["churn", "nbo"])


APP = """
import json, sys, time
from loyalty_core.services import get_services

print(get_services().jobs.start("training", json.loads(sys.argv[1]), "ann").id, flush=True)
time.sleep(600)
"""


def started_by_an_app_that_is_killed(services: Services, options: dict[str, object]) -> Job:
    with subprocess.Popen(
        [sys.executable, "-c", APP, json.dumps(options)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as app:
        job_id = int(app.stdout.readline())
        os.killpg(app.pid, signal.SIGKILL)
    return services.jobs.get(job_id)


@on_sqlite
def test_a_training_continues_without_the_app_that_started_it(services: Services, trained: str):
    before = active_file(services)
    job = started_by_an_app_that_is_killed(services, {**QUICK, "models": ["churn"]})
    process = process_of(services, job)
    assert services.jobs.running("training").id == job.id
    job = ended(services.jobs, job)
    assert job.state == "done", job.log_tail
    expect_untouched(services, trained, before)
    assert list_versions(services.settings.models_dir) == [job.result["version"], trained]
    wait_until(lambda: is_gone(process))


@pytest.mark.slow
@on_sqlite
def test_a_training_whose_app_was_killed_can_be_stopped(services: Services):
    job = started_by_an_app_that_is_killed(services, LONG)
    wait_until(lambda: services.jobs.events(job.id))
    process = process_of(services, job)
    services.jobs.cancel(job.id, "bob")
    assert ended(services.jobs, job).state == "cancelled"
    wait_until(lambda: is_gone(process))


@pytest.mark.slow
@on_sqlite
def test_a_disk_that_is_full_when_the_version_is_written(
    services: Services, trained: str, demo_settings: Configure, small_disk: SmallDisk
):
    models_dir = small_disk.folder / "models"
    shutil.copytree(services.settings.models_dir, models_dir)
    demo_settings(models_dir=models_dir)
    services = get_services()
    before = active_file(services)
    small_disk.fill(leaving=8_000)
    with predicting():
        job = ended(services.jobs, services.jobs.start("training", {**QUICK, "models": ["churn"]}, "ann"))
        expect_untouched(services, trained, before)
    assert job.state == "failed", job.log_tail
    assert job.error == (
        f"The models folder {models_dir} cannot be written: No space left on device.",
        "The active version is unchanged.",
        "Free some disk space.",
    )
    assert [path.name for path in (models_dir / "versions").iterdir()] == [trained]
    small_disk.empty()
    version = write_bundle(models_dir, other_parts())
    assert {path.name for path in (models_dir / "versions").iterdir()} == {trained, version}


@pytest.mark.slow
@on_sqlite
def test_a_disk_that_is_full_under_the_state_store(
    services: Services, trained: str, demo_settings: Configure, small_disk: SmallDisk
):
    demo_settings(state_database_url=f"sqlite:///{small_disk.folder / 'state.db'}")
    services = get_services()
    services.prepare_store()
    with predicting():
        job = in_training(services)
        small_disk.fill(leaving=ROOM_TO_READ)
        wait_until(lambda: "The disk is full." in Path(job.log_file).read_text())
        assert services.jobs.get(job.id).state == "running"
        reported = len(services.jobs.events(job.id))
        small_disk.empty()
        wait_until(lambda: len(services.jobs.events(job.id)) > reported)
        services.jobs.cancel(job.id, "ann")
        assert ended(services.jobs, job).state == "cancelled"
        epochs = [event.data["epoch"] for event in services.jobs.events(job.id)]
    assert epochs == list(range(1, len(epochs) + 1))  # what could not be written was reported later


@on_sqlite
def test_another_version_answers_in_every_process(services: Services, trained: str):
    models_dir = services.settings.models_dir
    other = write_bundle(models_dir, other_parts())
    with predicting() as predictor:
        predictor.wait_for(trained)
        activate(models_dir, other, "test")
        predictor.wait_for(other)
        rollback(models_dir, "test")
        predictor.wait_for(trained)
    assert predictor.stop().versions == [trained, other, trained]
