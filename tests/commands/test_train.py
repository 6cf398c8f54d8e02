"""The command line: what it prints, what it writes, and its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from loyalty_core.ml.bundles import activate, load_bundle, read_active, write_bundle
from loyalty_core.ml.bundles.store import list_versions
from tests.ml.fixtures import bundle_parts, other_parts

ROOT = Path(__file__).parents[2]
QUICK = ["--epochs", "6", "--architecture", "8", "--members", "1", "--batch-size", "32", "--learning-rate", "0.02"]
HISTORY = """
CREATE TABLE customer_features_view AS SELECT 'C1' AS customer_id;
CREATE TABLE customer_churn_history AS
    SELECT 'C' || range AS customer_id, ln(1 + range % 97) AS total_revenue, range % 13 AS transaction_count,
           (hash(range) % 90)::INTEGER AS days_since_last_transaction, 10.0 + range % 7 AS avg_transaction_value,
           range % 101 AS lifetime_value, ({churned})::INTEGER AS churned
    FROM range({rows});
CREATE TABLE customer_offer_history AS
    SELECT * EXCLUDE churned, 1 + days_since_last_transaction // 30 AS converted_offer_id FROM customer_churn_history;
"""
LEARNABLE = "days_since_last_transaction + hash(range, 1) % 40 > 60"


def make_history(folder: Path, rows: int = 1_200, churned: str = LEARNABLE) -> None:
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute(HISTORY.format(rows=rows, churned=churned))


def run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """train_models_from_dwh.py in `folder`, with a warehouse of its own and nothing else of the caller's."""
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(folder), "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, str(ROOT / "train_models_from_dwh.py"), *arguments],
        cwd=folder,
        env={**own, "DWH_URL": "duckdb:///warehouse.duckdb", **settings},
        capture_output=True,
        text=True,
        check=False,
    )


def assert_one_line(done: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    for part in parts:
        assert part in done.stderr


def test_it_trains_both_and_says_where_they_are(tmp_path: Path) -> None:
    make_history(tmp_path)
    done = run(tmp_path, *QUICK)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "models").iterdir()} >= {"nbo.tflite", "churn.tflite", "scaler.pkl"}
    for part in ("Churn: grade ", "Next best offer: grade ", "logistic regression", "gradient boosting", "ROC AUC"):
        assert part in done.stdout
    (version,) = list_versions(tmp_path / "models")
    assert f"Version {version} is in models/versions/{version}." in done.stdout
    assert "It is active: models/nbo.tflite, models/churn.tflite, models/scaler.pkl." in done.stdout
    assert load_bundle(tmp_path / "models").manifest["models"]["churn"]["options"]["architecture"] == [8]


@pytest.mark.slow
def test_progress_as_json_lines(tmp_path: Path) -> None:
    make_history(tmp_path)
    done = run(tmp_path, *QUICK, "--model", "churn", "--progress", "jsonl", "--no-activate")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["stage"] for line in lines] == ["reading", *["training"] * 6, "evaluating", "done"]
    assert lines[2]["epoch"] == 2
    assert lines[-1]["activated"] is False
    assert lines[-1]["metrics"]["churn"]["grade"] in {"A", "B", "C"}
    assert list_versions(tmp_path / "models") == [lines[-1]["version"]]
    assert not (tmp_path / "models" / "active.json").exists()


@pytest.mark.slow
def test_a_model_worse_than_a_baseline_is_kept_but_not_used(tmp_path: Path) -> None:
    make_history(tmp_path, churned="hash(range, 2) % 2 = 0")  # nothing to learn
    overfitted = ["--model", "churn", "--epochs", "40", "--patience", "40", "--l2", "0", "--batch-size", "16"]
    done = run(tmp_path, *overfitted)
    assert done.returncode == 6, done.stdout + done.stderr
    assert "not activated" in done.stderr.replace("\n", " ")
    assert "--promote-worse" in done.stderr
    assert "the models in use are unchanged" in done.stdout
    assert not (tmp_path / "models" / "churn.tflite").exists()
    assert run(tmp_path, *overfitted, "--promote-worse").returncode == 0
    assert (tmp_path / "models" / "churn.tflite").exists()


def test_no_warehouse(tmp_path: Path) -> None:
    assert_one_line(run(tmp_path), 3, "The warehouse file warehouse.duckdb does not exist.", "make demo")


def test_no_table(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("CREATE TABLE customer_features_view AS SELECT 'C1' AS customer_id")
    assert_one_line(run(tmp_path), 4, "The warehouse has no table customer_churn_history.")


def test_too_few_rows(tmp_path: Path) -> None:
    make_history(tmp_path, rows=120)
    assert_one_line(run(tmp_path), 5, "customer_churn_history: There are 120 rows, fewer than the 200")


def test_bad_labels(tmp_path: Path) -> None:
    make_history(tmp_path, churned="range % 3")
    assert_one_line(run(tmp_path), 5, "The label must be 0 (stayed) or 1 (churned), but it is also '2'.")


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (["--epochs", "0"], {}, "The command line has the value 0 for epochs."),
        ([], {"ML_TRAINING": '{"epoch": 3}'}, "ML_TRAINING has an option 'epoch' that does not exist."),
        ([], {"ML_MODEL_INPUT_SIZE": "4"}, "Feature count mismatch: ML_MODEL_INPUT_SIZE is 4"),
        (["--optimizer", "adamm"], {}, "Keras cannot build the network."),
    ],
)
def test_wrong_options(tmp_path: Path, arguments: list[str], settings: dict[str, str], message: str) -> None:
    make_history(tmp_path)
    done = run(tmp_path, *arguments, "--model", "churn", **settings)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "models").exists()


def test_versions_are_listed_compared_activated_and_rolled_back(tmp_path: Path) -> None:
    models = tmp_path / "models"
    first, second = (write_bundle(models, parts) for parts in (bundle_parts(), other_parts()))
    activate(models, first, "test")
    make_history(tmp_path)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        view = "SELECT * EXCLUDE churned FROM customer_churn_history LIMIT 300"
        connection.execute(f"CREATE OR REPLACE TABLE customer_features_view AS {view}")
    for arguments, expected in (
        (["--list"], f"* {first} churn trained"),
        (["--compare"], f"{first} {second}"),
        (["--test", second, "--share", "0.25"], f"{second} answers 25.0% of the customers beside {first}."),
        (["--stop-test"], "The A/B test is stopped; the active version answers all customers."),
        (["--activate", second], f"{second} is active."),
        (["--compare", first], f"{second} {first}"),
        (["--rollback"], f"{first} is active."),
    ):
        done = run(tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
        assert expected in " ".join(done.stdout.split())
    assert read_active(models).version == first
    assert_one_line(run(tmp_path, "--rollback"), 1, "There is no earlier version to go back to.")
    assert run(tmp_path, "--list", "--rollback").returncode == 2
