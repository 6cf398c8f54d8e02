import pytest

from loyalty_core.ml.bundle_files import list_versions, read_active
from loyalty_core.ml.bundle_store import write_bundle
from loyalty_core.ml.versions import main
from loyalty_core.settings import get_settings
from tests.ml.serving import other_parts


@pytest.fixture(autouse=True)
def _models_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELS_DIR", str(tmp_path / "models"))
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def test_lists_versions_newest_first_with_the_active_one_marked(models_dir, capsys):
    active, newer = read_active(models_dir).version, write_bundle(models_dir, other_parts())

    assert main([]) == 0

    lines = capsys.readouterr().out.splitlines()
    trained = "churn trained 2026-11-22T14:00:00+00:00, nbo trained 2026-11-22T14:00:00+00:00"
    assert lines == [f"  {newer}  {trained}", f"* {active}  {trained}"]


def test_names_the_damage(models_dir, capsys):
    active = read_active(models_dir).version
    (models_dir / "versions" / active / "nbo.tflite").write_bytes(b"")
    (models_dir / "active.json").write_bytes(b"")

    assert main(["list"]) == 0

    damage, version = capsys.readouterr().out.splitlines()
    assert damage.startswith("active.json is damaged")
    assert version == f"  {active}  unusable: nbo.tflite of the version {active} was changed after it was written."


def test_activates_and_rolls_back(models_dir, capsys):
    first, second = read_active(models_dir).version, write_bundle(models_dir, other_parts())

    assert main(["activate", second]) == 0
    assert read_active(models_dir).version == second
    assert main(["rollback"]) == 0
    assert read_active(models_dir).version == first
    assert capsys.readouterr().out == f"{second} is active.\n{first} is active.\n"


@pytest.mark.parametrize(
    "arguments", [["activate", "../elsewhere"], ["activate", "20200101T000000Z-0000"], ["rollback"]]
)
def test_what_cannot_be_done_is_one_line_on_stderr(models_dir, capsys, arguments):
    assert main(arguments) == 1

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1


def test_without_models_it_says_how_to_train(capsys):
    assert main([]) == 0
    assert capsys.readouterr().out == "There are no models yet. Train them: python train_models_from_dwh.py\n"


def test_compares_the_active_version_with_the_newest_or_a_named_one(models_dir, capsys):
    active = read_active(models_dir).version
    worse = other_parts()
    worse.models["churn"].metrics["auc"] = 0.5
    other, newest = write_bundle(models_dir, worse), write_bundle(models_dir, other_parts())

    assert main(["compare"]) == 0
    newest_lines = capsys.readouterr().out.splitlines()
    assert newest_lines[1].split() == [active, newest]
    assert newest_lines[3].split() == ["AUC", "0.810", "0.810"]
    assert main(["compare", other]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == [active, other]
    assert lines[3].split() == ["AUC", "0.810", "0.500", "worse"]
    assert lines[5].split()[-2:] == ["-", "-"]  # never measured


def test_there_must_be_something_to_compare(models_dir, capsys):
    assert main(["compare"]) == 1
    assert main(["compare", read_active(models_dir).version]) == 1
    (models_dir / "active.json").unlink()
    assert main(["compare"]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert [line.partition(".")[0] for line in errors] == [
        "There is no other version",
        f"There is no version {list_versions(models_dir)[0]} beside the active one",
        "No version is active",
    ]
