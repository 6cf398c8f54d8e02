from dataclasses import replace

import pytest

from loyalty_core.ml.bundles import list_versions, read_active, write_bundle
from loyalty_core.ml.versions.command import main
from loyalty_core.services import get_services
from loyalty_core.settings import get_settings
from tests.ml.fixtures import bundle_parts, other_parts


@pytest.fixture(autouse=True)
def _models_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("DWH_URL", f"duckdb:///{tmp_path}/warehouse.duckdb")  # not that of the folder of the tests
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
    assert version == f"  {active}  unusable: nbo.tflite of version {active} was changed after it was written."


def test_activates_and_rolls_back(models_dir, capsys):
    first, second = read_active(models_dir).version, write_bundle(models_dir, other_parts())

    assert main(["activate", second]) == 0
    assert read_active(models_dir).version == second
    assert main(["rollback"]) == 0
    assert read_active(models_dir).version == first
    assert capsys.readouterr().out == f"{second} is active.\n{first} is active.\n"


def test_a_version_of_other_data_is_not_used(trained, capsys):
    models = get_settings().models_dir
    foreign = write_bundle(models, replace(other_parts(), data="other data", trained_on="other.csv"))

    for arguments in (["activate", foreign], ["test", foreign]):
        assert main(arguments) == 1
        assert "was trained on other data. It learned from other.csv." in capsys.readouterr().err

    assert read_active(models).version == trained


@pytest.mark.parametrize(
    "arguments", [["activate", "../elsewhere"], ["activate", "20200101T000000Z-0000"], ["rollback"]]
)
def test_what_cannot_be_done_is_one_line_on_stderr(models_dir, capsys, arguments):
    assert main(arguments) == 1

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1


def test_without_models_it_explains_how_to_train(capsys):
    assert main([]) == 0
    assert capsys.readouterr().out == "There are no models yet. Train them: loyalty train\n"


def test_compares_the_active_version_with_the_newest_or_a_named_one(trained, capsys):
    services = get_services()
    models = services.settings.models_dir
    other, newest = write_bundle(models, other_parts()), write_bundle(models, bundle_parts())

    assert main(["compare"]) == 0
    newest_lines = capsys.readouterr().out.splitlines()
    assert newest_lines[1].split() == [trained, newest]
    assert newest_lines[2].startswith("Churn, on the same ")
    measure, active, same, *difference = newest_lines[3].split()
    assert (measure, active, difference) == (
        "AUC",
        same,
        ["+0.0000", "(+0.0000", "to", "+0.0000)", "no", "clear", "difference"],
    )
    assert newest_lines[-1].split() == ["All", "customers", "2,000", "0", "0"]

    assert main(["compare", other]) == 0
    found = services.comparisons.find(other, trained)
    lines = capsys.readouterr().out.splitlines()
    churn = found.same_rows["churn"]
    assert lines[3].split()[1:3] == [f"{churn.against['auc']:.3f}", f"{churn.version['auc']:.3f}"]
    word = "worse" if churn.version["auc"] < churn.against["auc"] else "better"
    expected = word if churn.differences["auc"].is_beyond_chance else "no clear difference"
    assert lines[3].endswith(f"  {expected}")
    base = found.shifts[0]
    assert lines[-1].split() == ["All", "customers", "2,000", f"{base.other_band:,}", f"{base.other_offer:,}"]


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


def test_a_test_is_started_grown_listed_and_stopped(models_dir, capsys):
    active, other = read_active(models_dir).version, write_bundle(models_dir, other_parts())

    assert main(["test", other, "--share", "0.25"]) == 0
    assert capsys.readouterr().out == f"{other} answers 25.0% of the customers beside {active}.\n"
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[:23] for line in lines[:2]] == [f"+ {other}", f"* {active}"]
    assert lines[2].startswith(f"A/B test: {other} (+) answers 25.0% of the customers since 20")
    assert main(["test", other, "--share", "0.5"]) == 0
    assert capsys.readouterr().out == f"{other} now answers 50.0% of the customers.\n"
    assert main(["stop-test"]) == 0
    assert capsys.readouterr().out == "The A/B test is stopped; the active version answers all customers.\n"
    assert main(["stop-test"]) == 1
    assert capsys.readouterr().err.startswith("No A/B test is running.")


def test_activating_reports_that_an_experiment_has_ended(models_dir, capsys):
    other = write_bundle(models_dir, other_parts())
    main(["test", other])
    capsys.readouterr()

    assert main(["activate", other]) == 0

    assert capsys.readouterr().out == f"{other} is active.\nThe A/B test of {other} has ended.\n"


def test_a_version_of_other_features_is_not_tested(models_dir, capsys, monkeypatch):
    other = write_bundle(models_dir, other_parts())
    monkeypatch.setenv("ML_FEATURE_MAPPING", '{"age": "age"}')
    monkeypatch.setenv("ML_MODEL_INPUT_SIZE", "1")
    get_settings.cache_clear()

    assert main(["test", other]) == 1

    assert "Feature count mismatch" in capsys.readouterr().err


def test_a_damaged_test_is_named_in_the_list(models_dir, capsys):
    (models_dir / "experiment.json").write_bytes(b"")

    assert main([]) == 0

    assert capsys.readouterr().out.startswith("experiment.json is damaged or was changed by hand.")
