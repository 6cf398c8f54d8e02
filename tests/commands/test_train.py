"""The command line: what it prints, what it writes, and its exit codes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from loyalty_core.commands.train import main
from loyalty_core.ml.bundles import activate, list_versions, load_bundle, read_active, write_bundle
from loyalty_core.store import StateStore, audit
from tests.ml.fixtures import bundle_parts, other_parts
from train_models_from_dwh import CHURN, NBO

if TYPE_CHECKING:
    from tests.workbench import Configure

pytestmark = pytest.mark.extended

ROOT = Path(__file__).parents[2]
QUICK = ["--epochs", "6", "--architecture", "8", "--members", "1", "--batch-size", "32", "--learning-rate", "0.02"]
QUICK += ["--teacher", "none", "--promote-worse"]  # so little training need not add anything
HISTORY = """
CREATE TABLE customer_features_view AS SELECT 'C1' AS customer_id;
CREATE TABLE customer_churn_history AS
    SELECT 'C' || range AS customer_id, ln(1 + range % 97) AS total_revenue, range % 13 AS transaction_count,
           (hash(range) % 90)::INTEGER AS days_since_last_transaction, 10.0 + range % 7 AS avg_transaction_value,
           range % 101 AS lifetime_value, ({churned})::INTEGER AS churned
    FROM range({rows});
CREATE TABLE customer_offer_history AS
    SELECT * EXCLUDE churned, 1 + (days_since_last_transaction + lifetime_value
                                   + (hash(lifetime_value, total_revenue) % 80)::INTEGER) // 90 AS converted_offer_id
    FROM customer_churn_history;
"""
# By two features together, neither of which gives away the label.
LEARNABLE = "days_since_last_transaction + range % 101 + hash(range, 1) % 80 > 130"


def make_history(folder: Path, rows: int = 1_200, churned: str = LEARNABLE) -> None:
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute(HISTORY.format(rows=rows, churned=churned))


@dataclass(frozen=True)
class Done:
    """How the command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


def in_a_process(folder: Path, *arguments: str) -> Done:
    """train_models_from_dwh.py in `folder`, with a warehouse of its own and nothing else of the caller's."""
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(folder), "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "train_models_from_dwh.py"), *arguments],
        cwd=folder,
        env={**own, "DWH_URL": "duckdb:///warehouse.duckdb"},
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def run(configure: Configure, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """The same command in this process, where TensorFlow is loaded once for all tests."""
    monkeypatch.setenv("COLUMNS", "100")

    def command(*arguments: str, **settings: str) -> Done:
        configure(dwh_url="duckdb:///warehouse.duckdb", **settings)
        capfd.readouterr()
        try:
            code = main(CHURN, NBO, arguments)
        except SystemExit as stopped:
            code = stopped.code
        return Done(code, *capfd.readouterr())

    return command


def assert_one_line(done: Done, code: int, *parts: str) -> None:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    for part in parts:
        assert part in done.stderr


@pytest.mark.parametrize("in_its_own", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["", "process"])
def test_it_trains_both_and_reports_where_they_are(tmp_path: Path, run: Run, *, in_its_own: bool) -> None:
    make_history(tmp_path)
    done = in_a_process(tmp_path, *QUICK, "--teacher", "auto") if in_its_own else run(*QUICK, models_dir="models")
    assert (done.returncode, done.stderr) == (0, "")  # nor does TensorFlow print anything when it is imported
    assert {path.name for path in (tmp_path / "models").iterdir()} >= {"nbo.tflite", "churn.tflite", "scaler.pkl"}
    for part in ("Churn: grade ", "Next best offer: grade ", "logistic regression", "gradient boosting", "Brier"):
        assert part in done.stdout
    assert re.search(r"\d\.\d{2}–\d\.\d{2}", done.stdout)  # intervals
    (version,) = list_versions(tmp_path / "models")
    assert f"Version {version} is in models/versions/{version}." in done.stdout
    assert "It is active: models/churn.tflite, models/nbo.tflite, models/scaler.pkl." in done.stdout
    assert done.stdout.endswith("loyalty score\n")  # what to do next
    assert load_bundle(tmp_path / "models").manifest["models"]["churn"]["options"]["architecture"] == [8]


@pytest.mark.slow
def test_progress_as_json_lines(tmp_path: Path, run: Run) -> None:
    make_history(tmp_path)
    done = run(*QUICK, "--model", "churn", "--progress", "jsonl", "--no-activate")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["stage"] for line in lines] == ["reading", *["training"] * 6, "evaluating", "done"]
    assert lines[2]["epoch"] == 2
    assert lines[-1]["activated"] is False
    assert lines[-1]["metrics"]["churn"]["grade"] in {"A", "B", "C", "D"}
    assert list_versions(tmp_path / "models") == [lines[-1]["version"]]
    assert not (tmp_path / "models" / "active.json").exists()


@pytest.mark.slow
def test_a_model_worse_than_a_baseline_is_stored_but_not_used(tmp_path: Path, run: Run) -> None:
    make_history(tmp_path, churned="hash(range, 2) % 2 = 0")  # nothing to learn
    overfitted = ["--model", "churn", "--epochs", "40", "--patience", "40", "--l2", "0", "--batch-size", "16"]
    done = run(*overfitted)
    assert done.returncode == 6, done.stdout + done.stderr
    assert "not activated" in done.stderr.replace("\n", " ")
    assert "--activate" in done.stderr
    assert "the models in use are unchanged" in done.stdout
    assert not (tmp_path / "models" / "churn.tflite").exists()
    assert run(*overfitted, "--promote-worse").returncode == 0
    assert (tmp_path / "models" / "churn.tflite").exists()


def test_no_warehouse(tmp_path: Path, run: Run) -> None:
    assert_one_line(run(), 3, "The warehouse file warehouse.duckdb does not exist.", "make demo")


def test_no_table(tmp_path: Path, run: Run) -> None:
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("CREATE TABLE customer_features_view AS SELECT 'C1' AS customer_id")
    assert_one_line(run(), 4, "The warehouse has no table customer_churn_history.")


def test_a_model_without_a_history_is_left_out_and_the_training_is_in_the_audit_trail(tmp_path: Path, run: Run) -> None:
    make_history(tmp_path)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("DROP TABLE customer_offer_history")
    with StateStore(f"sqlite:///{tmp_path / 'state.db'}") as store:
        store.migrate()
        done = run(*QUICK, sign_in="openid", state_database_url="sqlite:///state.db")
        assert done.returncode == 0, done.stderr
        with store.session(read_only=True) as session:
            events = audit.recent(session)
    (version,) = list_versions(tmp_path / "models")
    assert [(one.action, one.actor, one.place, one.subject_id) for one in events] == [
        ("activated", "Local user (terminal)", "terminal", version),
        ("trained", "Local user (terminal)", "terminal", version),
    ]
    said = "Next best offer was not trained: The warehouse has no table customer_offer_history."
    assert said in done.stdout
    assert list(load_bundle(tmp_path / "models").models) == ["churn"]
    assert_one_line(run(*QUICK, "--model", "nbo"), 4, "The warehouse has no table customer_offer_history.")


def test_too_few_rows(tmp_path: Path, run: Run) -> None:
    make_history(tmp_path, rows=120)
    assert_one_line(run(), 5, "customer_churn_history: There are 120 rows, but training requires at least 200")


def test_what_can_be_scored_is_scored_where_no_model_can_be_trained(tmp_path: Path, run: Run) -> None:
    make_history(tmp_path, rows=150)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("CREATE OR REPLACE TABLE customer_features_view AS FROM customer_offer_history")
    done = run("--score")
    assert done.returncode == 5
    assert "150 customers scored by RFM alone" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Next: ")
    assert "segments were not computed" not in done.stderr


@pytest.mark.slow
def test_a_model_that_is_refused_does_not_hold_up_the_others_where_customers_are_scored(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_history(tmp_path)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute("CREATE OR REPLACE TABLE customer_features_view AS FROM customer_offer_history")
    worse = {"nbo": ["It adds nothing over the best simple rule."]}
    monkeypatch.setattr("loyalty_core.ml.training.train.TrainedBundle.objections", lambda *_: worse)
    done = run(*(one for one in QUICK if one != "--promote-worse"), "--teacher", "none", "--score")
    assert done.returncode == 6, done.stdout + done.stderr
    active = load_bundle(tmp_path / "models")
    assert list(active.models) == ["churn"]
    assert f"Version {active.version}, which has churn alone, is active." in done.stdout
    assert f"1,200 customers scored with the models of {active.version}" in done.stdout


def test_bad_labels(tmp_path: Path, run: Run) -> None:
    make_history(tmp_path, churned="range % 3")
    assert_one_line(run(), 5, "The label must be 0 (stayed) or 1 (churned), but some rows have '2'.")


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (["--epochs", "0"], {}, "The command line has the value 0 for epochs."),
        ([], {"ml_training": '{"epoch": 3}'}, "ML_TRAINING has an option 'epoch' that does not exist."),
        ([], {"ml_model_input_size": "4"}, "Feature count mismatch: ML_MODEL_INPUT_SIZE is 4"),
        (["--optimizer", "adamm"], {}, "Keras cannot build the network."),
    ],
)
def test_wrong_options(tmp_path: Path, run: Run, arguments: list[str], settings: dict[str, str], message: str) -> None:
    make_history(tmp_path)
    done = run(*arguments, "--model", "churn", **settings)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "models").exists()


def test_versions_are_listed_compared_activated_and_rolled_back(tmp_path: Path, run: Run) -> None:
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
        done = run(*arguments)
        assert done.returncode == 0, done.stderr
        assert expected in " ".join(done.stdout.split())
    assert read_active(models).version == first
    assert_one_line(run("--rollback"), 1, "There is no earlier version to go back to.")
    assert run("--list", "--rollback").returncode == 2
