"""The `loyalty` command: one name for every command of the product."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from loyalty_core.commands.loyalty import app
from tests.workbench import ROOT


def test_it_lists_its_commands():
    shown = CliRunner().invoke(app, ["--help"])
    assert shown.exit_code == 0
    assert all(f" {name} " in shown.output for name in ("run", "train", "score", "versions", "load", "demo"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["score", "--help"], "Predict churn, the next best offer and RFM for every customer"),
        (["versions", "--help"], "stop-test"),
        (["demo", "--help"], "--customers"),
        (["load", "--help"], "transactions"),
        (["train", "--help"], "--epochs"),
    ],
)
def test_options_go_to_the_command_behind_it(arguments: list[str], expected: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["loyalty"])  # restored after `train`, which sets it for its script
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert expected in " ".join(done.output.split())


def test_an_exit_code_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DWH_URL", f"duckdb:///{tmp_path}/none.duckdb")
    monkeypatch.setenv("MODELS_DIR", str(tmp_path / "models"))
    done = CliRunner().invoke(app, ["score"])
    assert done.exit_code == 1
    assert "Scoring stopped: " in done.output


@pytest.mark.parametrize("name", ["run", "train"])
def test_outside_the_folder_of_the_workbench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, [name])
    assert done.exit_code == 2
    assert "is not in this folder. Change to the workbench's folder first." in done.output
