"""The data scientist's whole way, with real models: train, watch, compare, activate, see it answer, roll back."""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from loyalty_core.jobs import JobQueue
from loyalty_core.ml.bundles import activate, list_versions, read_active, write_bundle
from loyalty_core.store import StateStore
from tests.browser.pages import OpenPage, take_picture, wait_until_drawn
from tests.fixtures.jobs import freeze
from tests.ml.fixtures import bundle_parts
from tests.waiting import wait_until
from tests.workbench import GUIDE_CUSTOMER, Served, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# TensorFlow alone takes seconds to start, and longer where others use the machine.
TRAINING_MS = 240_000


@pytest.fixture(scope="module")
def served(demo_warehouse: Path) -> Iterator[Served]:
    """The app without mock mode, tiny but real models active."""
    folder = Path(tempfile.mkdtemp(prefix="loyalty-app-"))
    activate(folder / "models", write_bundle(folder / "models", bundle_parts()), "test")
    with serve(folder, DWH_URL=f"duckdb:///{demo_warehouse}", ML_TRAINING='{"members": 1}') as app:
        yield app


@contextmanager
def paused_after_an_epoch(served: Served) -> Iterator[None]:
    """For the block, the training under way waits, so that it does not end before somebody has looked."""
    with StateStore(f"sqlite:///{served.folder / 'state.db'}") as store:
        queue = JobQueue(store)
        job = wait_until(lambda: queue.running("training"))
        wait_until(lambda: queue.events(job.id))
        process = freeze(store, job)
        yield
        process.resume()


def answering_version(page: Page, served: Served) -> str:
    """Which version the customer page names."""
    page.goto(f"{served.url}/customers?customer_id={GUIDE_CUSTOMER}")
    caption = page.get_by_text(re.compile("^Model version "))
    expect(caption).to_be_visible()
    wait_until_drawn(page)
    return caption.inner_text().removeprefix("Model version ").strip()


def test_train_watch_compare_activate_and_roll_back(served: Served, open_page: OpenPage, artifacts: Path):
    models = served.folder / "models"
    first = read_active(models).version
    page = open_page("/training")
    page.get_by_text("Options", exact=True).click()
    for label, value in (("Maximum epochs", "3"), ("Hidden layers", "4")):
        page.get_by_label(label, exact=True).fill(value)
        page.get_by_label(label, exact=True).press("Enter")
        wait_until_drawn(page)
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    with paused_after_an_epoch(served):
        expect(page.get_by_text("Validation", exact=True).first).to_be_visible()
    expect(page.get_by_role("heading", name="Challenger")).to_be_visible(timeout=TRAINING_MS)
    wait_until_drawn(page)
    version = list_versions(models)[0]
    assert read_active(models).version == first != version
    expect(page.get_by_text("Better").first).to_be_visible()  # anything is, beside untrained models
    expect(
        page.get_by_text(re.compile(r"^Of 2,000 customers, [\d,]+ \(.+%\) get a different churn risk"))
    ).to_be_visible()
    take_picture(page, artifacts / "training-challenger-measures.png")
    page.get_by_role("tab", name="Your customers").click()
    expect(page.get_by_text("Churn risk · All customers")).to_be_visible()
    take_picture(page, artifacts / "training-challenger-customers.png")
    assert answering_version(page, served) == first

    page.goto(f"{served.url}/training")
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_text(f"Active: {version}")).to_be_visible()
    assert answering_version(page, served) == version

    page.goto(f"{served.url}/training")
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_text(f"Active: {first}")).to_be_visible()
    assert answering_version(page, served) == first
