"""Training from the browser: started, watched in two tabs, activated and rolled back, as a data scientist does."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect

from loyalty_core.jobs import JobQueue
from loyalty_core.ml.bundles import activate, list_versions, read_active, write_bundle
from loyalty_core.settings import Settings
from loyalty_core.store import StateStore
from loyalty_core.store.jobs import JobRecord
from loyalty_core.warehouse import Warehouse
from tests.browser.pages import PHONE, OpenPage, take_picture, wait_until_drawn
from tests.ml.fixtures import bundle_parts, with_reference
from tests.servers import ServerProcess, free_port
from tests.waiting import wait_until
from tests.workbench import Served, serve, start_serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    StartApp = Callable[[], tuple[Served, ServerProcess]]

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# TensorFlow alone takes seconds to start, and longer where others use the machine.
TRAINING_MS = 240_000
FIRST_CELL, ROW_HEIGHT = 20, 35


@pytest.fixture(scope="module")
def served(demo_warehouse: Path) -> Iterator[Served]:
    """The app without mock mode, in which the screen shows no versions."""
    settings = {"DWH_URL": f"duckdb:///{demo_warehouse}", "ML_TRAINING": '{"members": 1}'}
    with serve(Path(tempfile.mkdtemp(prefix="loyalty-app-")), **settings) as app:
        yield app


@pytest.fixture
def models_dir(served: Served) -> Iterator[Path]:
    """The served app's models with a poor version active, for this test only."""
    folder = served.folder / "models"
    shutil.rmtree(folder, ignore_errors=True)
    parts = bundle_parts()
    poor = {name: replace(part, metrics={"auc": 0.51, "top_1": 0.01}) for name, part in parts.models.items()}
    activate(folder, write_bundle(folder, replace(parts, models=poor, trained_on="demo")), "test")
    yield folder
    shutil.rmtree(folder)


def expect_active(page: Page, models_dir: Path, version: str) -> None:
    expect(page.get_by_text(f"Active: {version}")).to_be_visible()
    assert read_active(models_dir).version == version


@pytest.fixture
def start_app(demo_warehouse: Path, tmp_path: Path) -> Iterator[StartApp]:
    """Serves an app of its own, again and again at the same address and on the same state."""
    port, started = free_port(), []
    models_dir = tmp_path / "models"
    activate(models_dir, write_bundle(models_dir, replace(bundle_parts(), trained_on="demo")), "test")
    settings = {
        "DWH_URL": f"duckdb:///{demo_warehouse}",
        "STATE_DATABASE_URL": f"sqlite:///{tmp_path / 'state.db'}",
        "MODELS_DIR": str(models_dir),
        "ML_TRAINING": '{"epochs": 10000, "patience": 10000, "architecture": [4], "members": 1}',
    }

    def start() -> tuple[Served, ServerProcess]:
        app = Served(port, Path(tempfile.mkdtemp(prefix="loyalty-app-")))
        started.append(start_serving(app, settings))
        return app, started[-1]

    yield start
    for process in started:
        process.stop()


def test_an_app_that_is_killed_while_it_trains(browser: Browser, start_app: StartApp, tmp_path: Path):
    app, process = start_app()
    page = browser.new_page()
    page.goto(f"{app.url}/training")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_text("Validation", exact=True).first).to_be_visible(timeout=TRAINING_MS)
    process.kill()
    active = (tmp_path / "models" / "active.json").read_bytes()

    app, _ = start_app()
    page.goto(f"{app.url}/training")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    with StateStore(f"sqlite:///{tmp_path / 'state.db'}") as store:
        job = JobQueue(store).running("training")
        reported = len(JobQueue(store).events(job.id))
        wait_until(lambda: len(JobQueue(store).events(job.id)) > reported)
        with store.session(read_only=True) as session:
            os.kill(session.get(JobRecord, job.id).pid, signal.SIGKILL)
    expect(page.get_by_text("Training ended before it was finished.")).to_be_visible()
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_enabled()
    assert (tmp_path / "models" / "active.json").read_bytes() == active
    assert len(list_versions(tmp_path / "models")) == 1
    page.close()


def test_train_watch_activate_and_roll_back(open_page: OpenPage, models_dir: Path, artifacts: Path):
    page = open_page("/training")
    first = read_active(models_dir).version
    expect_active(page, models_dir, first)
    page.get_by_role("radio", name="Churn").click()
    expect(page.get_by_text("customer_offer_history")).to_have_count(0)
    page.get_by_text("Options", exact=True).click()
    for label, value in (("Maximum epochs", "2"), ("Hidden layers", "4")):
        field = page.get_by_label(label, exact=True)
        field.fill(value)
        field.press("Enter")
        wait_until_drawn(page)
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_test_id("stProgress")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    # Nobody has to keep the tab open: another one shows the same.
    other = open_page("/training", viewport=PHONE)
    expect(other.get_by_role("button", name="Cancel")).to_be_visible()
    expect(other.get_by_text("Validation", exact=True).first).to_be_visible(timeout=TRAINING_MS)
    take_picture(other, artifacts / "training-under-way-phone.png")

    for one in (page, other):
        expect(one.get_by_role("heading", name="Challenger")).to_be_visible(timeout=TRAINING_MS)
        wait_until_drawn(one)
    version = list_versions(models_dir)[0]
    assert version != first
    expect_active(page, models_dir, first)
    expect(page.get_by_text("Contract met")).to_be_visible()
    take_picture(page, artifacts / "training-challenger.png")
    take_picture(other, artifacts / "training-challenger-phone.png")
    widths = other.evaluate("(e => [e.scrollWidth, e.clientWidth])(document.querySelector('[data-testid=stMain]'))")
    assert widths[0] <= widths[1]

    page.get_by_role("button", name="Activate").click()
    expect_active(page, models_dir, version)
    expect(page.get_by_text(f"Version {version} is active.")).to_be_visible()
    expect(page.get_by_role("heading", name="Challenger")).to_have_count(0)
    take_picture(page, artifacts / "training-activated.png")
    page.get_by_role("button", name="Roll back").click()
    expect_active(page, models_dir, first)
    page.get_by_role("tab", name="Versions").click()
    expect(page.get_by_test_id("stDataFrame").first.locator("canvas td").filter(has_text=version)).to_be_attached()
    take_picture(page, artifacts / "training-versions.png")


def test_monitoring_shows_a_feature_then_and_now(
    open_page: OpenPage, models_dir: Path, demo_warehouse: Path, artifacts: Path
):
    warehouse = Warehouse(Settings(dwh_url=f"duckdb:///{demo_warehouse}"))
    parts = replace(with_reference(bundle_parts(), warehouse), trained_on="demo")
    warehouse.close()
    activate(models_dir, write_bundle(models_dir, parts), "test")
    page = open_page("/training?view=Monitoring")
    expect(page.get_by_role("heading", name="Features")).to_be_visible()
    expect(page.get_by_text("no feature has moved since the training")).to_be_visible()
    expect(page.locator("[aria-label^='Total revenue, share of customers']")).to_be_visible()
    table = page.get_by_test_id("stDataFrame").first.locator(".dvn-scroller")
    table.click(position={"x": FIRST_CELL, "y": ROW_HEIGHT * 2.5})
    expect(page.locator("[aria-label^='Transaction count, share of customers']")).to_be_visible()
    wait_until_drawn(page)
    take_picture(page, artifacts / "training-monitoring.png")
    phone = open_page("/training?view=Monitoring", viewport=PHONE, dark=True)
    expect(phone.get_by_role("heading", name="Scores")).to_be_visible()
    take_picture(phone, artifacts / "training-monitoring-phone-dark.png")
    widths = phone.evaluate("(e => [e.scrollWidth, e.clientWidth])(document.querySelector('[data-testid=stMain]'))")
    assert widths[0] <= widths[1]
