"""A job in a real chromium: it is followed without a click, in every tab, and its figures come by themselves."""

from __future__ import annotations

import re
import shutil
import signal
import sys
import tempfile
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import DESKTOP, PATIENCE_MS, complaint, take_picture, wait_until_drawn
from tests.servers import ServerProcess, free_port
from tests.waiting import wait_until
from tests.workbench import DEMO_CUSTOMERS, ROOT, clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.browser, pytest.mark.extended]

PAGE = Path(__file__).with_name("jobs_page.py")


@pytest.fixture(scope="module")
def page_url(demo_warehouse: Path) -> Iterator[str]:
    """The page, served over the demo in mock mode."""
    folder = Path(tempfile.mkdtemp(prefix="loyalty-jobs-"))
    script = Path(shutil.copy(PAGE, folder / "page.py"))
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit")
    port = free_port()
    environment = clean_environment() | {
        "PYTHONPATH": str(ROOT),
        "DWH_URL": f"duckdb:///{demo_warehouse}",
        "STATE_DATABASE_URL": f"sqlite:///{folder / 'state.db'}",
        "PREDICTIONS_FILE": str(folder / "customer_predictions.parquet"),
        "ML_MOCK_MODE": "true",
    }
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    server = ServerProcess(command, folder=folder, stop_signal=signal.SIGTERM, env=environment)
    url = f"http://127.0.0.1:{port}"
    server.wait_until(lambda: _answers(url))
    yield url
    server.stop()


@pytest.fixture
def pages(browser: Browser, page_url: str) -> Iterator[tuple[Page, Page]]:
    """The page in two windows; afterwards neither may have logged an error."""
    faults: list[str] = []
    contexts = [browser.new_context(viewport=DESKTOP) for _ in range(2)]
    opened = []
    for context in contexts:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: faults.extend(complaint(message)))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(page_url)
        wait_until_drawn(page)
        opened.append(page)
    yield opened[0], opened[1]
    for context in contexts:
        context.close()
    assert faults == [], faults


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def _expect_text(page: Page, text: str) -> None:
    expect(page.get_by_test_id("stText").filter(has_text=re.compile(f"^{text}$"))).to_be_visible()


def _job_process(page_url: str) -> psutil.Process | None:
    """The process of the job that the server of this page has started."""
    (server,) = (
        connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == int(page_url.rsplit(":", 1)[1])
    )
    for child in psutil.Process(server).children():
        with suppress(psutil.Error):  # one that has ended meanwhile
            if "loyalty_core.work.run" in child.cmdline():
                return child
    return None


def test_new_figures_come_by_themselves(pages: tuple[Page, Page], page_url: str, artifacts: Path):
    page, other = pages
    _expect_text(page, "Not scored")
    page.get_by_role("button", name="Score now").click()
    job = wait_until(lambda: _job_process(page_url))
    job.suspend()
    expect(page.get_by_test_id("stProgress")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    other.reload()
    expect(other.get_by_role("button", name="Cancel")).to_be_visible()
    take_picture(page, artifacts / "job-running.png")
    job.resume()
    _expect_text(page, "Scored with mock")
    done = page.get_by_text(re.compile(f"{DEMO_CUSTOMERS:,} customers scored, 0 segments computed"))
    expect(done).to_be_visible()
    expect(page.get_by_test_id("stProgress")).to_have_count(0)
    # The first run, the click, the start seen, and the end: no run more, and none on the way.
    runs = page.get_by_test_id("stText").nth(1).inner_text()
    assert runs == "Run 4"
    page.wait_for_timeout(4_000)
    assert page.get_by_test_id("stText").nth(1).inner_text() == runs
    _expect_text(other, "Scored with mock")
    take_picture(page, artifacts / "job-done.png")


def test_a_killed_job_stays_on_the_page_until_it_is_dismissed(pages: tuple[Page, Page], page_url: str, artifacts: Path):
    page, other = pages
    wait_until(lambda: _job_process(page_url) is None)  # that of an earlier test may still be ending
    page.get_by_role("button", name="Score now").click()
    wait_until(lambda: _job_process(page_url)).kill()
    failure = page.get_by_test_id("stAlert")
    expect(failure).to_contain_text("Scoring ended before it was finished.")
    expect(failure).to_contain_text("Start it again.")
    take_picture(page, artifacts / "job-failed.png")
    page.get_by_role("button", name="Dismiss").click()
    expect(failure).to_have_count(0)
    # For a moment the page has the button twice, the one of the run before and the new one.
    expect(page.get_by_role("button", name="Score now")).to_have_count(1)
    expect(page.get_by_role("button", name="Score now")).to_be_visible()
    other.reload()
    wait_until_drawn(other)
    expect(other.get_by_test_id("stAlert")).to_have_count(0)
