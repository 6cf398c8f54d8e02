"""The `loyalty` command: one name for every command of the product."""

import subprocess
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


def test_the_app_starts_in_another_folder_with_the_data_of_that_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    started: list[list[str]] = []

    def start(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        started.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("loyalty_core.demo.prepare.main", lambda: 0)
    monkeypatch.setattr("loyalty_core.commands.loyalty.subprocess.run", start)
    assert CliRunner().invoke(app, ["run", "--server.port", "9000"]).exit_code == 0
    server = str(ROOT / "serve.py")
    assert started == [[sys.executable, "-m", "streamlit", "run", server, "--server.port", "9000"]]


def test_training_finds_its_script_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["loyalty"])
    done = CliRunner().invoke(app, ["train", "--help"])
    assert (done.exit_code, "--epochs" in done.output) == (0, True)


@pytest.mark.parametrize("name", ["run", "train"])
def test_a_package_that_was_installed_without_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("loyalty_core.files.__file__", str(tmp_path / "site-packages" / "loyalty_core" / "files.py"))
    done = CliRunner().invoke(app, [name])
    assert done.exit_code == 2
    assert "is not in this folder. Change to the workbench's folder first." in done.output
