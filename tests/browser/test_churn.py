"""From a threshold to a segment, and from a row of the table to the customer, as an analyst goes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.pages import PHONE, OpenPage, figure, heading, take_picture

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workbench import Query

pytestmark = [pytest.mark.browser, pytest.mark.extended]

# Whoever has been silent for longer counts as having left, and is not contacted.
PRESENT = "NOT coalesce(last_purchase_days_ago > 180, false)"
ROW_HEIGHT, HEADER_HEIGHT, FIRST_CELL = 66, 35, 40


def test_from_a_threshold_to_a_segment(open_page: OpenPage, scored: Query):
    def contacted(threshold: float) -> str:
        [(customers,)] = scored(f"SELECT count(*) FROM customers WHERE churn_probability >= ? AND {PRESENT}", threshold)
        return f"{customers:,}"

    def save_as_segment(threshold: float) -> None:
        page.get_by_role("button", name="Save as segment").first.click()
        heading(page, "New segment")
        expect(page.get_by_text(f"Churn probability is at least {threshold}").first).to_be_visible()
        expect(page.get_by_test_id("stMetricValue").first).to_have_text(contacted(threshold))

    page = open_page("/churn?threshold=45")
    heading(page, "Churn")
    expect(figure(page, "Customers contacted")).to_have_text(contacted(0.45))
    slider = page.get_by_role("slider")
    for _ in range(3):
        slider.press("ArrowRight")
    expect(figure(page, "Customers contacted")).to_have_text(contacted(0.48))
    expect(page).to_have_url(re.compile("threshold=48"))
    [(captured,)] = scored(
        "SELECT sum(churn_probability) FILTER (churn_probability >= 0.48) / sum(churn_probability) FROM customers "
        f"WHERE {PRESENT}"
    )
    expect(figure(page, "Expected churners captured")).to_have_text(f"{captured:.1%}")

    save_as_segment(0.48)
    # Another selection replaces the first one, which was never saved.
    page.go_back()
    heading(page, "Churn")
    page.get_by_role("slider").press("Home")
    page.get_by_role("slider").press("ArrowRight")
    expect(page).to_have_url(re.compile("threshold=1"))
    expect(figure(page, "Customers contacted")).to_have_text(contacted(0.01))
    save_as_segment(0.01)


def test_from_the_table_to_the_customer(open_page: OpenPage, scored: Query):
    [(customer_id, name)] = scored(
        "SELECT customer_id, full_name FROM customers WHERE churn_risk = 'medium' "
        "ORDER BY churn_probability * total_revenue DESC, customer_id LIMIT 1 OFFSET 1"
    )
    page = open_page("/churn?view=Customers&risk=Medium")
    table = page.get_by_test_id("stDataFrame")
    expect(table.locator("canvas td").filter(has_text=name)).to_be_attached()
    table.locator(".dvn-scroller").click(position={"x": FIRST_CELL, "y": HEADER_HEIGHT + 1.5 * ROW_HEIGHT})
    heading(page, name)
    expect(page).to_have_url(re.compile(f"customer_id={customer_id}"))


@pytest.mark.parametrize("view", ["Budget", "Customers", "Drivers and groups"])
@pytest.mark.slow
def test_every_view_fits_a_phone(open_page: OpenPage, scored: Query, artifacts: Path, view: str):
    page = open_page(f"/churn?view={view}", viewport=PHONE)
    expect(page.get_by_role("tab", name=view)).to_have_attribute("aria-selected", "true")
    take_picture(page, artifacts / f"churn-{view.lower().replace(' ', '-')}-phone.png")
    widths = page.evaluate("(e => [e.scrollWidth, e.clientWidth])(document.querySelector('[data-testid=stMain]'))")
    assert widths[0] <= widths[1]
