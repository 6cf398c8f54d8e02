import subprocess
import sys
from pathlib import Path

import pytest

from loyalty_core.ml.bundles import (
    BundleError,
    activate,
    discard,
    list_versions,
    load_bundle,
    prune,
    read_active,
    rollback,
    write_bundle,
)
from tests.ml.fixtures import bundle_parts, other_parts, training_rows, without_nbo

ROWS = training_rows(5)
ROOT = Path(__file__).parents[3]


def _active(models_dir):
    active = read_active(models_dir)
    assert active is not None
    return active


def _in_child(code: str, *arguments: object, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_writing_does_not_activate(models_dir):
    before = _active(models_dir)

    version = write_bundle(models_dir, other_parts())

    assert _active(models_dir) == before
    assert version in list_versions(models_dir)


def test_activation_records_the_actor_and_the_previous_version(models_dir):
    first = _active(models_dir).version
    second = write_bundle(models_dir, other_parts())

    activate(models_dir, second, by="anna")

    active = _active(models_dir)
    assert (active.version, active.activated_by, active.previous) == (second, "anna", (first,))
    assert load_bundle(models_dir).version == second


def test_the_copies_are_those_of_the_active_version(models_dir):
    second = write_bundle(models_dir, other_parts())
    activate(models_dir, second, by="test")

    for name in ("nbo.tflite", "churn.tflite", "scaler.pkl"):
        assert (models_dir / name).read_bytes() == (models_dir / "versions" / second / name).read_bytes()


def test_a_version_without_an_offer_model_leaves_no_copy_of_an_older_one(models_dir):
    activate(models_dir, write_bundle(models_dir, without_nbo()), by="test")

    assert not (models_dir / "nbo.tflite").exists()
    load_bundle(models_dir)


def test_versions_sort_in_the_order_they_were_written(models_dir):
    versions = [write_bundle(models_dir, bundle_parts()) for _ in range(4)]

    assert list_versions(models_dir)[:4] == versions[::-1]


def test_each_rollback_goes_one_version_further_back(models_dir):
    first = _active(models_dir).version
    second, third = (write_bundle(models_dir, other_parts()) for _ in range(2))
    activate(models_dir, second, by="test")
    activate(models_dir, third, by="test")

    assert rollback(models_dir, by="anna").version == second
    assert rollback(models_dir, by="anna").version == first
    with pytest.raises(BundleError, match="no earlier version"):
        rollback(models_dir, by="anna")
    assert _active(models_dir).version == first


def test_a_damaged_version_is_not_activated(models_dir):
    before = _active(models_dir)
    version = write_bundle(models_dir, other_parts())
    (models_dir / "versions" / version / "scaler.pkl").write_bytes(b"junk")

    with pytest.raises(BundleError, match=r"scaler\.pkl"):
        activate(models_dir, version, by="test")

    assert _active(models_dir) == before
    load_bundle(models_dir)


def test_activating_mends_a_damaged_active_json_and_damaged_copies(models_dir):
    version = _active(models_dir).version
    (models_dir / "active.json").write_bytes(b"junk")
    (models_dir / "churn.tflite").write_bytes(b"junk")

    activate(models_dir, version, by="test")

    assert load_bundle(models_dir).version == version


def test_pruning_leaves_the_active_version_and_the_newest_others(models_dir):
    active = _active(models_dir).version
    others = [write_bundle(models_dir, bundle_parts()) for _ in range(4)]

    removed = prune(models_dir, keep=2)

    assert removed == [others[1], others[0]]
    assert list_versions(models_dir) == [others[3], others[2], active]
    assert sorted(path.name for path in (models_dir / "versions").iterdir()) == [active, others[2], others[3]]
    load_bundle(models_dir)


KILL_WRITERS = """
import os, sys
from pathlib import Path
from loyalty_core.ml.bundles.bundle import load_bundle
from loyalty_core.ml.bundles.store import activate, prune, write_bundle
from tests.ml.fixtures import bundle_parts, other_parts
models, parts = Path(sys.argv[1]), (other_parts(), bundle_parts())
touches_left = None

def die_in_time(event, arguments):
    global touches_left
    touches = event in {"open", "os.rename", "os.mkdir", "os.remove"} and str(models) in str(arguments[0])
    if touches_left is not None and touches:
        touches_left -= 1
        if touches_left == 0:
            os.kill(os.getpid(), 9)

sys.addaudithook(die_in_time)
activate(models, write_bundle(models, parts[0]), by="test")
activated = set()
for number in range(60):
    writer = os.fork()
    if writer == 0:
        touches_left = number + 1
        while True:
            activate(models, write_bundle(models, parts[number % 2]), by="writer")
            prune(models, keep=3)
    os.waitpid(writer, 0)
    activated.add(load_bundle(models).version)
print(len(activated))
"""


@pytest.mark.slow
def test_killed_at_any_moment_the_active_bundle_is_whole(models_dir):
    output, errors = _in_child(KILL_WRITERS, models_dir).communicate()

    assert output.strip().isdigit(), errors
    assert int(output) > 3
    write_bundle(models_dir, bundle_parts())
    assert [path.name for path in (models_dir / "versions").iterdir() if path.name.startswith(".")] == []


DIE_AT_EVERY_CALL = """
import os, sys
from pathlib import Path
from loyalty_core.ml.bundles.bundle import load_bundle
from loyalty_core.ml.bundles.store import activate, prune, write_bundle
from tests.ml.fixtures import bundle_parts, other_parts
models, parts = Path(sys.argv[1]), (other_parts(), bundle_parts())
activate(models, write_bundle(models, parts[0]), by="test")
dies_at, calls = None, 0
def die(event, arguments):
    global calls
    if dies_at and event in {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree"}:
        calls += 1
        if calls == dies_at:
            os._exit(9)
sys.addaudithook(die)
for number in range(1, 1000):
    writer = os.fork()
    if writer == 0:
        dies_at = number
        activate(models, write_bundle(models, parts[number % 2]), by="writer")
        prune(models, keep=1)
        os._exit(0)
    finished = os.waitpid(writer, 0)[1] == 0
    load_bundle(models)
    if finished:
        print(number)
        break
"""


@pytest.mark.slow
def test_dying_at_every_single_file_operation_leaves_the_active_bundle_whole(models_dir):
    output, errors = _in_child(DIE_AT_EVERY_CALL, models_dir).communicate()

    assert output.strip().isdigit(), errors
    assert int(output) > 40


WRITE_FOR_EVER = """
import sys
from pathlib import Path
from loyalty_core.ml.bundles.store import activate, write_bundle
from tests.ml.fixtures import bundle_parts
parts = bundle_parts()
for number in range(1_000_000):
    activate(Path(sys.argv[1]), write_bundle(Path(sys.argv[1]), parts), by="child")
    print(number, flush=True)
"""


WRITE_WITH_LIMITS = """
import resource, sys
from pathlib import Path
from loyalty_core.ml.bundles.bundle import BundleError
from loyalty_core.ml.bundles.store import activate, write_bundle
from tests.ml.fixtures import other_parts
models, parts = Path(sys.argv[1]), other_parts()
version = write_bundle(models, parts)
for room in (0, 100, 1_000, 2_000, 2_300, 8_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    try:
        activate(models, version if room < 300 else write_bundle(models, parts), by="child")
    except BundleError as error:
        sys.stdout.write(str(error).partition(f"{models} ")[2] + "\\n")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


@pytest.mark.extended
def test_without_room_for_a_file_the_old_bundle_stays(models_dir):
    before = _active(models_dir)

    output, errors = _in_child(WRITE_WITH_LIMITS, models_dir).communicate()

    assert (
        output == "cannot be written: File too large. The active version is unchanged. Free some disk space.\n" * 6
    ), errors
    assert _active(models_dir) == before
    assert load_bundle(models_dir).version == before.version
    assert [path for path in models_dir.rglob(".*") if path.name != ".lock"] == []


def test_an_unwritable_folder_is_reported_in_one_sentence(tmp_path):
    (tmp_path / "models").write_text("a file where the folder should be")

    with pytest.raises(BundleError, match="cannot be written: Not a directory"):
        write_bundle(tmp_path / "models", bundle_parts())


@pytest.mark.slow
def test_two_writers_wait_for_each_other(models_dir):
    children = [_in_child(WRITE_FOR_EVER, models_dir) for _ in range(2)]
    for child in children:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(2)]
        assert lines == ["0\n", "1\n"], child.stderr and child.stderr.read()
    for child in children:
        child.kill()
        child.communicate()

    load_bundle(models_dir)


def test_unfit_metrics_are_refused(tmp_path):
    parts = bundle_parts()
    parts.models["churn"].metrics["auc"] = float("nan")

    with pytest.raises(BundleError, match="cannot be written as JSON"):
        write_bundle(tmp_path, parts)


def test_a_version_is_discarded_unless_it_is_active(models_dir):
    active, other = _active(models_dir).version, write_bundle(models_dir, other_parts())

    discard(models_dir, other)

    assert list_versions(models_dir) == [active]
    assert not list((models_dir / "versions").glob(".*"))
    for version, message in ((active, "is active"), (other, "There is no version"), ("../x", "not a model version")):
        with pytest.raises(BundleError, match=message):
            discard(models_dir, version)
    assert load_bundle(models_dir).version == active
