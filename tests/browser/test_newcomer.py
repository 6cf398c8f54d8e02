"""A newcomer's way from a file to the screens: the commands of the README and those that each of them names next."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.pages import OpenPage, figure, heading
from tests.datasets import TELCO
from tests.workbench import ROOT, Served, clean_environment, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOYALTY = [sys.executable, "-c", "from loyalty_core.commands.loyalty import app; app()"]
QUICK = ["--epochs", "3", "--architecture", "8", "--members", "1", "--teacher", "none", "--promote-worse"]


def loyalty(folder: Path, *arguments: str) -> str:
    """What a `loyalty` command prints, called in the workbench's folder."""
    done = subprocess.run(
        [*LOYALTY, *arguments],
        cwd=folder,
        env=clean_environment() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """Three commands in an empty home: load, train and score, run."""
    folder = Path(tempfile.mkdtemp(prefix="loyalty-newcomer-"))
    for name in ("train_models_from_dwh.py", "serve.py"):
        (folder / name).symlink_to(ROOT / name)
    loaded = loyalty(folder, "load", "features", str(TELCO), "--offer", "Contract")
    first, second = (line.strip().rpartition("loyalty ")[2] for line in loaded.splitlines()[-2:])
    assert (first, second) == ("train --score", "run")
    trained = loyalty(folder, *first.split(), *QUICK)
    assert "7,043 customers scored with the models of" in trained
    assert trained.splitlines()[-1].endswith("loyalty run")
    with serve(folder, STATE_DATABASE_URL="sqlite:///data/state.db") as app:
        yield app


def test_from_the_telco_file_to_the_offers(served: Served, open_page: OpenPage) -> None:
    page = open_page("/offers")
    heading(page, "Next best offer")
    expect(figure(page, "With an offer")).to_have_text("7,043")
    expect(page.get_by_text("Month-to-month", exact=True).first).to_be_visible()
    expect(page.get_by_text("Freshness unknown")).to_be_visible()
    page.goto(f"{served.url}/churn")
    heading(page, "Churn")
    expect(page.get_by_text("Scored ").first).to_be_visible()
