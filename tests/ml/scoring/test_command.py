"""`python -m loyalty_core.ml.scoring`: what it prints and how it ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pytest

from loyalty_core.ml.scoring.command import main
from loyalty_core.segments import SegmentDraft, SegmentRepository
from loyalty_core.store import StateStore
from tests.fixtures.warehouses import DuckDBFile
from tests.ml.bases import base, fill
from tests.workbench import ROOT, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workbench import Configure

pytestmark = pytest.mark.extended


@dataclass(frozen=True)
class Done:
    """How the command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


def in_a_process(folder: Path, *arguments: str, **settings: str) -> Done:
    """The command as it is typed, in `folder` and with no settings but these."""
    environment = clean_environment() | {"PYTHONPATH": str(ROOT), "DWH_URL": "duckdb:///warehouse.duckdb"}
    done = subprocess.run(
        [sys.executable, "-m", "loyalty_core.ml.scoring", *arguments],
        cwd=folder,
        env=environment | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def run(configure: Configure, capfd: pytest.CaptureFixture[str]) -> Run:
    """The same command in this process."""

    def command(*arguments: str, **settings: str) -> Done:
        named = {name.lower(): value for name, value in settings.items()}
        configure(**{"dwh_url": "duckdb:///warehouse.duckdb", "models_dir": "models"} | named)
        capfd.readouterr()
        try:
            code = main(arguments)
        except SystemExit as stopped:
            code = stopped.code
        return Done(code, *capfd.readouterr())

    return command


def test_it_scores_and_reports_what_it_did(tmp_path: Path) -> None:
    fill(DuckDBFile(tmp_path / "warehouse.duckdb"), base(300))
    done = in_a_process(tmp_path, ML_MOCK_MODE="true")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("300 customers scored with mock predictions in ")
    assert lines[1:] == [
        "Written to customer_predictions_mock.parquet.",
        "days_since_last: 30 blank.",
        "avg_transaction_value: 31 blank.",
        "A blank number is replaced by the training median, a blank text counts as a value.",
    ]
    assert (tmp_path / "customer_predictions_mock.parquet").is_symlink()
    assert not (tmp_path / "customer_predictions.parquet").exists()


def test_it_computes_the_segments_and_names_those_that_cannot_be(run: Run, tmp_path: Path) -> None:
    fill(DuckDBFile(tmp_path / "warehouse.duckdb"), base(300))
    rules = {
        "Everyone": None,
        "Scored": {">=": [{"var": "churn_probability"}, 0]},
        "Broken": {">": [{"var": "nowhere"}, 1]},
        "Put away": None,
    }
    with StateStore(f"sqlite:///{tmp_path / 'state.db'}") as store:
        store.migrate()
        segments = SegmentRepository(store)
        made = {name: segments.create(SegmentDraft(name, rule), actor="ann") for name, rule in rules.items()}
        segments.archive(made["Put away"].id, actor="ann")
        done = run(ML_MOCK_MODE="true", STATE_DATABASE_URL="sqlite:///state.db")
        assert done.returncode == 0, done.stderr
        *_, computed, failed = done.stdout.splitlines()
        assert computed == "2 of 3 segments computed."
        assert failed.startswith("Segment “Broken” could not be computed: ")
        sizes = {name: segments.get(segment.id).size for name, segment in made.items()}
    assert {name: size and (size.customers, size.cause) for name, size in sizes.items()} == {
        "Everyone": (300, "scoring"),
        "Scored": (300, "scoring"),
        "Broken": None,
        "Put away": None,
    }


def test_it_scores_without_a_state_store(run: Run, tmp_path: Path) -> None:
    fill(DuckDBFile(tmp_path / "warehouse.duckdb"), base(20))
    done = run(ML_MOCK_MODE="true")
    assert done.returncode == 0
    assert done.stderr.startswith("The segments were not computed: The state store has not been set up yet")
    assert not (tmp_path / "data").exists()


def test_before_the_first_training_rfm_is_scored(run: Run, tmp_path: Path) -> None:
    fill(DuckDBFile(tmp_path / "warehouse.duckdb"), base(20))
    done = run()
    assert done.returncode == 0, done.stderr
    assert "Only RFM was scored. No model is active. Train the models:" in done.stdout
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as connection:
        scored = f"FROM '{next(tmp_path.rglob('customer_predictions*.parquet'))}'"
        counts = "count(*), count(rfm_segment), count(churn_probability), count(recommended_offer)"
        assert connection.execute(f"SELECT {counts}, any_value(model_version) {scored}").fetchone() == (
            20, 20, 0, 0, "rfm-only",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"ML_MOCK_MODE": "true", "DWH_URL": "duckdb:///nowhere.duckdb"},
            "The warehouse file nowhere.duckdb does not exist.",
        ),
        (
            {"RFM_COLUMNS": '{"monetary": "nothing"}'},
            "RFM cannot be computed, and no model answers. RFM has no monetary",
        ),
        ({"ML_MOCK_MODE": "true", "ML_FEATURE_MAPPING": '{"revenue": "total_revenue"}'}, "ML_MODEL_INPUT_SIZE is 5"),
        ({"RFM_RULE": "quartile"}, "Setting RFM_RULE has the value 'quartile'"),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(
    run: Run, tmp_path: Path, settings: dict[str, str], message: str
) -> None:
    fill(DuckDBFile(tmp_path / "warehouse.duckdb"), base(20))
    done = run(**settings)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("Scoring stopped: ")
    assert message in done.stderr
    assert done.stdout == ""


def test_help_describes_the_command(run: Run) -> None:
    done = run("--help")
    assert done.returncode == 0
    assert "write customer_predictions" in done.stdout.replace("\n", " ")


def test_the_warehouse_computes_where_it_is_asked_to(tmp_path: Path, run: Run) -> None:
    fill(DuckDBFile(tmp_path / "warehouse.duckdb"), base(60))
    plain, flagged, by_setting = run(), run("--in-warehouse"), run(ML_SCORE_IN_WAREHOUSE="true")
    computed = "Computed by the warehouse: in a sample of 60 customers, no score differs from LiteRT's by more than 0."
    for done in (flagged, by_setting):
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("60 customers scored by RFM alone in ")
        assert computed in done.stdout.splitlines()
    assert computed not in plain.stdout
