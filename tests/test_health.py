"""Each check alone: what it says when the part is well, and when it is not."""

import re
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from loyalty_core.health import Check, check_health
from loyalty_core.limits import TooBusy
from loyalty_core.ml.bundles import activate, start_experiment, write_bundle
from loyalty_core.services import get_services
from tests.ml.fixtures import bundle_parts, other_parts
from tests.workbench import Configure


def checks_by_name() -> dict[str, Check]:
    return {f"{check.area}: {check.name}": check for check in check_health(get_services())}


def write_view(folder: Path, select: str) -> str:
    """URL of a new DuckDB file whose features view is this SELECT."""
    file = folder / "own.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute(f"CREATE VIEW customer_features_view AS {select}")
    return f"duckdb:///{file}"


def test_a_sound_installation(demo_settings: Configure, demo_warehouse: Path):
    checks = checks_by_name()
    assert {name for name, check in checks.items() if check.status != "ok"} <= {"Models: Active version"}
    assert checks["Warehouse: Connection"].detail.startswith(f"{demo_warehouse}: DuckDB v1.")
    guards = checks["Warehouse: Read-only and time limit"]
    assert guards.detail == "Writing is refused. Statements are stopped after 30 s."
    assert checks["Warehouse: Features view"].detail == "customer_features_view: 40 columns; customers: 2,000."
    assert checks["Warehouse: Customer ids"].detail == "Every customer has exactly one row."
    assert checks["Feature mapping: days_since_last"].detail == "Found: column last_purchase_days_ago."
    assert checks["Feature mapping: Input size"].detail == "5 features mapped, as ML_MODEL_INPUT_SIZE says."
    assert checks["Feature cache: Cache"].detail == "In memory (customers: 0): not used yet."
    assert "duckdb-sqlalchemy" in checks["Versions: Packages"].detail


def test_the_cache_reports_its_hit_rate(demo_settings: Configure):
    customer_id = "123e4567-e89b-12d3-a456-426614174000"
    for _ in range(4):
        get_services().features.get(customer_id)
    check = checks_by_name()["Feature cache: Cache"]
    assert check.detail == "In memory (customers: 1): 75% of 4 look-ups answered."


def test_waiting_evaluations_are_reported_with_their_limits(demo_settings: Configure):
    demo_settings(dwh_pool_size=2)
    limit = get_services().limits.evaluations
    assert not any(name.startswith("Load: ") for name in checks_by_name())
    found: dict[str, Check] = {}
    with limit.slot("ann", patience=0), pytest.raises(TooBusy):
        limit.slot("bob", patience=0, while_waiting=lambda: found.update(checks_by_name())).__enter__()
    check = found["Load: Evaluations"]
    assert check.status == "warning"
    assert check.detail == "1 waiting, 1 of at most 1 running; those beyond 12 in all are refused."


def test_models_that_are_missing_need_attention(demo_settings: Configure):
    check = checks_by_name()["Models: Active version"]
    assert (check.status, check.detail) == ("warning", "No version is active.")
    assert "loyalty train" in check.remedy


def test_versions_of_which_none_is_active_await_a_decision(demo_settings: Configure, tmp_path: Path):
    demo_settings(models_dir=tmp_path / "models")
    write_bundle(tmp_path / "models", bundle_parts())
    check = checks_by_name()["Models: Active version"]
    assert (check.detail, check.remedy) == ("No version is active.", "Activate one of the versions on Training.")


def test_an_ab_test_and_what_is_wrong_with_it(trained: str):
    folder = get_services().settings.models_dir
    assert "Models: A/B test" not in checks_by_name()
    challenger = write_bundle(folder, other_parts())
    start_experiment(folder, challenger, 0.2, "ann")
    check = checks_by_name()["Models: A/B test"]
    assert (check.status, check.detail) == ("ok", f"{challenger} answers 20% of the customers.")
    (folder / "experiment.json").write_bytes(b"{}")
    check = checks_by_name()["Models: A/B test"]
    assert check.status == "warning"
    assert check.detail.startswith("experiment.json is damaged or was changed by hand.")
    assert check.detail.endswith("The active version serves all customers.")
    assert "stop-test" in check.remedy
    assert checks_by_name()["Models: Active version"].status == "ok"


def test_mock_mode_is_reported(demo_settings: Configure):
    demo_settings(ml_mock_mode=True)
    check = checks_by_name()["Models: Active version"]
    assert (check.status, check.detail) == ("warning", "Mock mode: predictions by formula.")


def test_repeated_ids_are_an_error(configure: Configure, tmp_path: Path):
    configure(dwh_url=write_view(tmp_path, "FROM (VALUES ('a'), ('a'), (NULL), ('b')) AS t(customer_id)"))
    check = checks_by_name()["Warehouse: Customer ids"]
    assert check.status == "error"
    assert check.detail == "2 rows of customer_features_view have a blank id or one that another row has too."
    assert check.remedy.startswith("Give every customer exactly one row")


def test_columns_with_dates_that_read_as_blank_are_named_once(configure: Configure, tmp_path: Path):
    dates = "DATE 'infinity', DATE '0044-03-15 (BC)', TIMESTAMP '2020-01-01', TIMESTAMP '20240-01-01'"
    select = f"SELECT unnest(range(1, 5)) AS customer_id, unnest([{dates}]) AS seen, DATE '2020-01-01' AS joined"
    configure(dwh_url=write_view(tmp_path, select))
    [check] = [check for check in check_health(get_services()) if check.name == "Values"]
    assert check.status == "warning"
    assert check.detail == (
        "Dates that cannot be represented (infinity, before the year 1, after 9999) read as blank: 3 of seen."
    )


def test_a_mapped_column_that_is_missing_names_the_nearest(configure: Configure, tmp_path: Path):
    configure(dwh_url=write_view(tmp_path, "SELECT 1 AS customer_id, 2.0 AS total_revenues"))
    check = checks_by_name()["Feature mapping: revenue"]
    assert (check.status, check.detail) == ("warning", "Missing: no column total_revenue.")
    assert check.remedy.endswith("The nearest column is total_revenues.")


def test_sizes_that_differ_are_an_error(demo_settings: Configure):
    demo_settings(ml_model_input_size=6)
    check = checks_by_name()["Feature mapping: Input size"]
    assert check.status == "error"
    assert check.detail == "Feature count mismatch: ML_MODEL_INPUT_SIZE is 6, and 5 features are mapped."
    assert check.remedy.startswith("Set ML_MODEL_INPUT_SIZE to 5")


@pytest.mark.parametrize("select", ["SELECT 1 AS customer_id WHERE false", "SELECT 1 AS client"])
def test_a_view_that_cannot_be_used_is_an_error(configure: Configure, tmp_path: Path, select: str):
    configure(dwh_url=write_view(tmp_path, select))
    checks = checks_by_name()
    assert checks["Warehouse: Connection"].status == "ok"
    assert checks["Warehouse: Features view"].status == "error"
    assert checks["Warehouse: Features view"].remedy


def test_without_a_warehouse_the_other_parts_are_still_checked(configure: Configure, tmp_path: Path):
    configure(dwh_url=f"duckdb:///{tmp_path / 'missing.duckdb'}")
    get_services().prepare_store()
    checks = checks_by_name()
    assert checks["Warehouse: Connection"].status == "error"
    assert "does not exist" in checks["Warehouse: Connection"].detail
    assert "make demo" in checks["Warehouse: Connection"].remedy
    assert checks["Feature mapping: Columns"].status == "error"
    assert checks["State store: Database"].status == "ok"
    assert checks["Versions: Packages"].status == "ok"


def test_a_state_store_that_cannot_be_opened(demo_settings: Configure, tmp_path: Path):
    (tmp_path / "in the way").write_text("a file where a folder should be")
    demo_settings(state_database_url=f"sqlite:///{tmp_path}/in the way/state.db")
    assert not get_services().prepare_store()
    check = checks_by_name()["State store: Database"]
    assert check.status == "error"
    assert check.remedy


def test_a_cache_server_that_is_down_needs_attention(demo_settings: Configure):
    demo_settings(redis_url="redis://127.0.0.1:1/0")
    check = checks_by_name()["Feature cache: Cache"]
    assert check.status == "warning"
    assert re.search("Redis (does not answer|is too slow)", check.detail)  # whichever comes first
    assert "REDIS_URL" in check.remedy


def test_passwords_are_never_shown(demo_settings: Configure):
    demo_settings(
        dwh_url="postgresql://reader:s3cret@127.0.0.1:1/loyalty",
        redis_url="redis://user:s3cret@127.0.0.1:1/0",
        state_database_url="postgresql://writer:s3cret@127.0.0.1:1/state",
    )
    assert "s3cret" not in str(check_health(get_services()))


def test_models_are_listed_with_their_data(trained: str):
    checks = checks_by_name()
    assert checks["Models: Active version"].detail == f"{trained}."
    assert {checks["Models: Churn"].status, checks["Models: Next best offer"].status} == {"ok"}
    assert "Models: Training data" not in checks


def test_models_of_other_data_are_pointed_out(demo_settings: Configure):
    models_dir = get_services().settings.models_dir
    activate(
        models_dir, write_bundle(models_dir, replace(bundle_parts(), trained_on="features file sales.csv")), "test"
    )
    check = checks_by_name()["Models: Training data"]
    assert check.status == "warning"
    assert check.detail == "Trained on other data (features file sales.csv) than this warehouse's (demo)."


def test_a_state_store_that_cannot_be_made(demo_settings: Configure, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    demo_settings(state_database_url=f"sqlite:///{tmp_path}/file/state.db")
    get_services().prepare_store()
    check = checks_by_name()["State store: Database"]
    assert check.status == "error"
    assert "has not been set up" not in check.detail


def test_models_that_perform_as_expected_are_reported_so(watched: str, demo_settings: Configure):
    checks = checks_by_name()
    retraining, alarms = checks["Monitoring: Retraining"], checks["Monitoring: Alarms"]
    assert (retraining.status, retraining.remedy) == ("ok", "")
    assert retraining.detail.startswith("No need to retrain yet: no feature has moved since the training")
    assert (alarms.status, alarms.detail) == (
        "ok",
        "Nobody has been scored yet, and every input of the models varies.",
    )


def test_models_that_perform_worse_need_attention(watched: str, demo_settings: Configure, tmp_path: Path):
    select = (
        "SELECT 'c' || i AS customer_id, 7.0 AS total_revenue, i % 40 AS transaction_count, "
        "300 AS last_purchase_days_ago, i * 1.5 AS avg_transaction_value, i * 2.5 AS lifetime_value "
        "FROM range(500) t(i)"
    )
    demo_settings(dwh_url=write_view(tmp_path, select))
    checks = [check for check in check_health(get_services()) if check.area == "Monitoring"]
    assert [(check.name, check.status) for check in checks] == [
        ("Retraining", "warning"), ("Alarm", "warning"), ("Alarm", "warning"),
    ]  # fmt: skip
    assert checks[0].detail == "Retrain now: the models were trained on other data (demo)."
    assert checks[0].remedy.startswith("Train on the Training screen")
    assert checks[1].detail == "Every customer has the same total revenue, 7.0."


def test_in_mock_mode_alarms_are_off(demo_settings: Configure):
    demo_settings(ml_mock_mode=True)
    assert checks_by_name()["Monitoring: Alarms"].detail == "Off in mock mode, whose scores come from a formula."
