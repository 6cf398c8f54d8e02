"""From a cell of the RFM grid to a segment, and movement once there were two scoring runs, as an analyst goes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb
import pytest
from playwright.sync_api import Page, expect

from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving.mock import MockModels
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse
from tests.browser.actions import click_cell
from tests.browser.pages import PHONE, OpenPage, heading, take_picture, wait_until_drawn
from tests.ml.fixtures import CONTRACT
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.workbench import Served

pytestmark = [pytest.mark.browser, pytest.mark.extended]


@pytest.fixture
def score(served: Served, demo_warehouse: Path, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Scores the served demo; the predictions go with the test."""
    warehouse = Warehouse(Settings(dwh_url=f"duckdb:///{demo_warehouse}", models_dir=tmp_path, ml_mock_mode=True))

    def score_demo() -> None:
        score_base(warehouse, MockModels(dict.fromkeys(CONTRACT.names, "number")))

    yield score_demo
    warehouse.close()
    for file in demo_warehouse.parent.glob("*customer_predictions*"):
        file.unlink()


def reload_until(page: Page, text: str) -> None:
    """For a few seconds an answer may still follow the map before."""

    def is_shown() -> bool:
        page.reload()
        wait_until_drawn(page)
        return page.get_by_text(text).is_visible()

    wait_until(is_shown)


def in_cell(demo_warehouse: Path, *, recency: int, frequency: int) -> str:
    """The id of a customer with these scores, by the predictions."""
    [file] = demo_warehouse.parent.glob("customer_predictions_mock.parquet")
    statement = "SELECT customer_id FROM read_parquet(?) WHERE recency = ? AND frequency = ? ORDER BY 1 LIMIT 1"
    [(customer,)] = duckdb.execute(statement, [str(file), recency, frequency]).fetchall()
    return customer


def test_from_a_cell_to_a_segment(open_page: OpenPage, score: Callable[[], None]):
    score()
    page = open_page("/rfm")
    heading(page, "RFM")
    click_cell(page, recency=2, frequency=4)
    expect(page).to_have_url(re.compile(r"cell=Recency\+2"))
    wait_until_drawn(page)
    customers = page.get_by_test_id("stMetric").filter(has_text="Customers").get_by_test_id("stMetricValue")
    size = customers.inner_text()
    page.get_by_role("button", name="Save as segment").click()
    heading(page, "New segment")
    expect(page.get_by_text("RFM recency score is 2 and RFM frequency score is 4").first).to_be_visible()
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(size)


@pytest.mark.slow
def test_movement_after_two_runs(open_page: OpenPage, score: Callable[[], None], artifacts: Path):
    score()
    page = open_page("/rfm?view=Movement")
    expect(page.get_by_text("There is one scoring run so far")).to_be_visible()
    score()
    page.reload()
    expect(page.locator(".sankey-link").first).to_be_attached()
    wait_until_drawn(page)
    stayed = page.get_by_test_id("stMetric").filter(has_text="Stayed · 100.0%")
    expect(stayed.get_by_test_id("stMetricValue")).to_have_text("2,000")
    expect(page.locator(".node-label", has_text="Champions")).to_have_count(2)
    take_picture(page, artifacts / "rfm-movement.png")


@pytest.mark.slow
def test_a_painted_cell_is_a_customers_answer(
    open_page: OpenPage, score: Callable[[], None], demo_warehouse: Path, artifacts: Path
):
    score()
    customer = in_cell(demo_warehouse, recency=5, frequency=1)
    page = open_page("/rfm?view=Cells")
    expect(page.get_by_text("All 125 cells have exactly one segment.")).to_be_visible()
    click_cell(page, recency=5, frequency=1)
    wait_until_drawn(page)
    segment = page.get_by_role("combobox", name="Segment")
    paint = page.get_by_role("button", name="Paint", exact=True)
    segment.click()
    page.keyboard.type("x" * 61)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Use at most 60 characters; this has 61.")).to_be_visible()
    expect(paint).to_be_disabled()
    segment.click()
    page.keyboard.type("Fresh faces")
    page.keyboard.press("Enter")
    expect(paint).to_be_enabled()
    paint.click()
    expect(page.locator(".textpoint").filter(has_text="Fresh faces")).to_have_count(1)
    page.get_by_role("button", name="Count who would change").click()
    expect(page.get_by_text(re.compile("Of 2,000 customers, 0 would have another score"))).to_be_visible()
    take_picture(page, artifacts / "rfm-cells.png")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("In use: version 1, saved by")).to_be_visible()
    open_customer = open_page(f"/customers?customer_id={customer}")
    reload_until(open_customer, "Fresh faces")
    page.get_by_role("button", name="Back to the defaults").click()
    expect(page.get_by_text("In use: the built-in cells")).to_be_visible()
    reload_until(open_customer, "Have bought rarely, and are among the customers who bought last.")


@pytest.mark.parametrize("view", ["Grid", "Segments", "Movement", "Cut points", "Cells"])
@pytest.mark.slow
def test_every_view_fits_a_phone(open_page: OpenPage, score: Callable[[], None], artifacts: Path, view: str):
    score()
    page = open_page(f"/rfm?view={view}", viewport=PHONE)
    expect(page.get_by_role("tab", name=view)).to_have_attribute("aria-selected", "true")
    take_picture(page, artifacts / f"rfm-{view.lower().replace(' ', '-')}-phone.png")
    widths = page.evaluate("(e => [e.scrollWidth, e.clientWidth])(document.querySelector('[data-testid=stMain]'))")
    assert widths[0] <= widths[1]
