import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from loyalty_core.ml.bundles import BundleError, activate, read_active, version_folder, write_bundle
from loyalty_core.ml.bundles.files import ManifestMissing
from loyalty_core.ml.serving import LiveBundle
from tests.ml.fixtures import bundle_parts, other_parts, training_rows
from tests.waiting import wait_until

ROWS = training_rows(20, seed=4)
ACTIVATE = """
import sys
from pathlib import Path
from loyalty_core.ml.bundles.store import activate
activate(Path(sys.argv[1]), sys.argv[2], by="another process")
"""


def _damage_active(models_dir, name="churn.tflite"):
    active = read_active(models_dir)
    assert active is not None
    path = version_folder(models_dir, active.version) / name
    path.write_bytes(path.read_bytes()[:-1])


def test_a_bundle_activated_by_another_process_serves_with_the_next_call(models_dir):
    live = LiveBundle(models_dir)
    before = live.current().scores("churn", ROWS)[:, 0]
    version = write_bundle(models_dir, other_parts())

    subprocess.run([sys.executable, "-c", ACTIVATE, models_dir, version], cwd=Path(__file__).parents[3], check=True)

    assert live.current().version == version
    assert np.abs(live.current().scores("churn", ROWS)[:, 0] - before).max() > 0.05
    assert live.status().refusal is None


def test_the_bundle_stays_the_same_object_while_nothing_changes(models_dir):
    live = LiveBundle(models_dir)

    assert live.current() is live.current()


@pytest.mark.parametrize("name", ["nbo.tflite", "churn.tflite", "scaler.pkl", "manifest.json"])
def test_a_refused_bundle_is_named_while_the_last_good_one_serves(models_dir, name):
    live = LiveBundle(models_dir)
    good = live.current()
    activate(models_dir, write_bundle(models_dir, other_parts()), by="test")
    _damage_active(models_dir, name)

    assert live.current() is good
    status = live.status()
    assert status.version == good.version
    assert isinstance(status.refusal, BundleError)
    assert name in str(status.refusal)


@pytest.mark.parametrize("content", [b"", b"{}"])
def test_a_damaged_active_json_is_named_while_the_last_good_bundle_serves(models_dir, content):
    live = LiveBundle(models_dir)
    good = live.current()
    (models_dir / "active.json").write_bytes(content)

    assert live.current() is good
    assert "active.json" in str(live.status().refusal)


def test_files_that_vanish_do_not_stop_a_running_service(models_dir):
    live = LiveBundle(models_dir)
    good = live.current()
    (models_dir / "active.json").unlink()

    assert live.current() is good
    assert isinstance(live.status().refusal, ManifestMissing)


def test_damage_to_the_files_of_the_bundle_in_use_shows_in_the_status(models_dir):
    live = LiveBundle(models_dir)
    good = live.current()
    _damage_active(models_dir)

    assert live.current() is good
    assert "churn.tflite" in str(live.status().refusal)


def test_after_a_restart_the_version_before_serves_in_place_of_a_damaged_one(models_dir):
    first = LiveBundle(models_dir).current().version
    activate(models_dir, write_bundle(models_dir, other_parts()), by="test")
    _damage_active(models_dir)

    restarted = LiveBundle(models_dir)

    assert restarted.current().version == first
    assert "churn.tflite" in str(restarted.status().refusal)


def test_without_any_good_version_the_damage_is_an_error_until_it_is_mended(models_dir):
    _damage_active(models_dir)
    live = LiveBundle(models_dir)

    with pytest.raises(BundleError, match=r"churn\.tflite"):
        live.current()
    assert live.status().version is None

    version = write_bundle(models_dir, bundle_parts())
    activate(models_dir, version, by="test")
    assert live.current().version == version


def test_a_bundle_mended_without_a_new_activation_is_taken_up_after_a_while(models_dir, monkeypatch):
    live = LiveBundle(models_dir)
    live.current()
    version = write_bundle(models_dir, other_parts())
    activate(models_dir, version, by="test")
    path = version_folder(models_dir, version) / "scaler.pkl"
    intact = path.read_bytes()
    path.write_bytes(b"junk")
    assert live.current().version != version

    path.write_bytes(intact)
    monkeypatch.setattr("loyalty_core.ml.serving.live_bundle.time.monotonic", lambda: 1e12)

    assert live.current().version == version
    assert live.status().refusal is None


def test_before_the_first_training_there_is_nothing_and_then_there_is(tmp_path):
    live = LiveBundle(tmp_path / "models")
    with pytest.raises(FileNotFoundError, match=r"models/nbo\.tflite"):
        live.current()

    activate(tmp_path / "models", write_bundle(tmp_path / "models", bundle_parts()), by="test")

    assert live.current().scores("churn", ROWS)[:, 0].shape == (20,)


def test_predictions_never_fail_while_bundles_are_exchanged(models_dir):
    live = LiveBundle(models_dir)
    versions = [write_bundle(models_dir, parts) for parts in (other_parts(), bundle_parts())]
    allowed = [
        live.current().scores("churn", ROWS)[:, 0],
        activate(models_dir, versions[0], by="test").scores("churn", ROWS)[:, 0],
    ]
    done, faults, seen = threading.Event(), [], set()

    def predict():
        while not done.is_set():
            try:
                bundle = live.current()
                answers = bundle.scores("churn", ROWS)[:, 0]
                seen.add(bundle.version)
                assert any(np.abs(answers - one).max() < 1e-6 for one in allowed)
            except BaseException as fault:
                faults.append(fault)
                raise

    threads = [threading.Thread(target=predict) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        activate(models_dir, versions[number % 2], by="test")
    for version in versions:
        activate(models_dir, version, by="test")
        wait_until(lambda version=version: version in seen or faults)
    done.set()
    for thread in threads:
        thread.join()

    assert faults == []
    assert seen >= set(versions)
