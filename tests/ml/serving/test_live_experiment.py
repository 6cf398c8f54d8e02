"""The challenger in use: there within a call in every process, and never in the champion's way."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from loyalty_core.ml.bundles import (
    EXPERIMENT_FILE,
    activate,
    increase_share,
    start_experiment,
    stop_experiment,
    version_folder,
    write_bundle,
)
from loyalty_core.ml.serving import LiveBundle
from tests.ml.fixtures import bundle_parts, other_parts, training_rows
from tests.waiting import wait_until

ROWS = training_rows(20, seed=4)
IDS = [f"c{i}" for i in range(200)]
START = """
import sys
from pathlib import Path
from loyalty_core.ml.bundles.experiment_store import start_experiment
start_experiment(Path(sys.argv[1]), sys.argv[2], 0.5, "another process")
"""


@pytest.fixture
def challenger(models_dir: Path) -> str:
    return write_bundle(models_dir, other_parts())


def challenged(live: LiveBundle) -> set[str]:
    """The customers of the challenger."""
    served = live.served()
    return {one for one in IDS if served.for_customer(one).version != served.champion.version}


def test_a_test_started_by_another_process_is_in_use_with_the_next_call(models_dir: Path, challenger: str):
    live = LiveBundle(models_dir)
    champion = live.served().champion.version
    assert live.served().versions == (champion,)
    subprocess.run([sys.executable, "-c", START, models_dir, challenger], cwd=Path(__file__).parents[3], check=True)
    assert live.served().versions == (champion, challenger)
    assert live.current().version == champion
    assert 60 < len(challenged(live)) < 140
    assert live.served() is live.served()
    status = live.status()
    assert status.experiment == live.served().experiment
    assert (status.refusal, status.experiment_refusal) == (None, None)
    stop_experiment(models_dir)
    assert live.served().versions == (champion,)


def test_all_processes_give_a_customer_to_the_same_version(models_dir: Path, challenger: str):
    start_experiment(models_dir, challenger, 0.3, "ann")
    first, second = LiveBundle(models_dir), LiveBundle(models_dir)
    assert challenged(first) == challenged(second)
    by_batch = first.served().challenger.answers_many(pa.array(IDS))
    assert {one for one, answers in zip(IDS, by_batch, strict=True) if answers} == challenged(first)


def test_a_larger_share_only_adds_customers(models_dir: Path, challenger: str):
    start_experiment(models_dir, challenger, 0.1, "ann")
    live = LiveBundle(models_dir)
    before = challenged(live)
    increase_share(models_dir, 0.6)
    assert before < challenged(live)


def test_activating_the_challenger_makes_it_answer_every_customer(models_dir: Path, challenger: str):
    start_experiment(models_dir, challenger, 0.5, "ann")
    live = LiveBundle(models_dir)
    assert len(live.served().versions) == 2
    activate(models_dir, challenger, "ann")
    assert live.served().versions == (challenger,)
    assert live.status().experiment is None


@pytest.mark.parametrize("name", ["nbo.tflite", "churn.tflite", "scaler.pkl", "manifest.json"])
def test_with_a_damaged_challenger_the_champion_answers_every_customer(models_dir: Path, challenger: str, name: str):
    start_experiment(models_dir, challenger, 0.5, "ann")
    path = version_folder(models_dir, challenger) / name
    path.write_bytes(path.read_bytes()[:-1])
    live = LiveBundle(models_dir)
    assert challenged(live) == set()
    status = live.status()
    assert (status.version, status.refusal, status.experiment) == (live.current().version, None, None)
    assert name in str(status.experiment_refusal)


def test_a_challenger_that_vanishes_or_is_another_is_refused(models_dir: Path, challenger: str):
    start_experiment(models_dir, challenger, 0.5, "ann")
    folder = version_folder(models_dir, challenger)
    folder.rename(folder.with_name("elsewhere"))
    live = LiveBundle(models_dir)
    assert challenged(live) == set()
    assert challenger in str(live.status().experiment_refusal)


def test_with_a_damaged_file_the_champion_answers_every_customer(models_dir: Path, challenger: str):
    start_experiment(models_dir, challenger, 0.5, "ann")
    live = LiveBundle(models_dir)
    assert challenged(live)
    (models_dir / EXPERIMENT_FILE).write_bytes(b"{}")
    assert challenged(live) == set()
    assert "experiment.json is damaged" in str(live.status().experiment_refusal)


def test_damage_under_a_test_in_use_shows_in_the_status(models_dir: Path, challenger: str):
    start_experiment(models_dir, challenger, 0.5, "ann")
    live = LiveBundle(models_dir)
    before = challenged(live)
    (version_folder(models_dir, challenger) / "nbo.tflite").write_bytes(b"x")
    assert challenged(live) == before
    assert "nbo.tflite" in str(live.status().experiment_refusal)


def test_a_challenger_that_is_mended_is_taken_up_after_a_while(
    models_dir: Path, challenger: str, monkeypatch: pytest.MonkeyPatch
):
    start_experiment(models_dir, challenger, 0.5, "ann")
    path = version_folder(models_dir, challenger) / "scaler.pkl"
    intact = path.read_bytes()
    path.write_bytes(b"junk")
    live = LiveBundle(models_dir)
    assert challenged(live) == set()
    path.write_bytes(intact)
    monkeypatch.setattr("loyalty_core.ml.serving.live_experiment.time.monotonic", lambda: 1e12)
    assert challenged(live)
    assert live.status().experiment_refusal is None


@pytest.mark.slow
def test_predictions_never_fail_while_tests_start_and_stop(models_dir: Path, challenger: str):
    live = LiveBundle(models_dir)
    champion, other = live.current().version, write_bundle(models_dir, bundle_parts())
    allowed = [
        bundle.scores("churn", ROWS)[:, 0] for bundle in (live.current(), activate(models_dir, challenger, "ann"))
    ]
    activate(models_dir, champion, "ann")
    done, faults, seen = threading.Event(), [], set()

    def predict() -> None:
        while not done.is_set():
            try:
                for customer in IDS[:10]:
                    models = live.served().for_customer(customer)
                    answers = models.scores("churn", ROWS)[:, 0]
                    seen.add(models.version)
                    assert any(np.abs(answers - one).max() < 1e-6 for one in allowed)
            except BaseException as fault:
                faults.append(fault)
                raise

    threads = [threading.Thread(target=predict) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(10):
        start_experiment(models_dir, challenger, 0.5, "ann")
        if number % 2:
            stop_experiment(models_dir)
        else:
            activate(models_dir, other, "ann")
            activate(models_dir, champion, "ann")
    start_experiment(models_dir, challenger, 0.9, "ann")
    wait_until(lambda: challenger in seen or faults)
    done.set()
    for thread in threads:
        thread.join()
    assert faults == []
    assert seen >= {champion, challenger}
