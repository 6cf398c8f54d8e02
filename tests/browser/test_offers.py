"""From a cap in the table to a saved policy and its link, and from an offer to a segment, as an analyst goes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import PHONE, OpenPage, figure, heading, wait_until_drawn

if TYPE_CHECKING:
    from tests.workbench import Query

pytestmark = [pytest.mark.browser, pytest.mark.extended]

ROW_HEIGHT = 35
CAP_COLUMN = 455
FIRST_PICK = 8
WHO, WITH_POLICY = 4, 6


def edit_cap(page: Page, offer: int, cap: str) -> None:
    """Type into the cell; the table is a canvas, so by its place."""
    table = page.get_by_test_id("stDataFrame").locator(".dvn-scroller")
    table.click(position={"x": CAP_COLUMN, "y": ROW_HEIGHT * (offer + 0.5)})
    page.keyboard.press("Enter")
    field = page.locator("#portal textarea")
    field.fill(cap)
    field.press("Enter")


def cell(page: Page, offer: int, column: int) -> Locator:
    """A cell, from the copy of the table that the canvas keeps for screen readers."""
    row = page.get_by_test_id("stDataFrame").locator("canvas tbody tr").nth(offer - 1)
    return row.locator("td").nth(column)


@pytest.mark.slow
def test_from_a_cap_to_a_saved_policy_and_its_link(open_page: OpenPage, scored: Query):
    page = open_page("/offers")
    heading(page, "Next best offer")
    [(mean,)] = scored("SELECT avg(confidence) FROM customers")
    expect(figure(page, "Mean confidence")).to_have_text(f"{mean:.1%}")
    page.get_by_role("tab", name="Arbitration").click()
    wait_until_drawn(page)

    edit_cap(page, FIRST_PICK, "17")
    expect(page).to_have_url(re.compile("terms="))
    expect(page.get_by_text("Vertical lines: caps.")).to_be_visible()
    expect(cell(page, FIRST_PICK, WITH_POLICY)).to_have_text("17")

    page.get_by_role("button", name="Who may get").click()
    page.get_by_text("First pick", exact=True).last.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Condition").click()
    dialog.get_by_role("combobox").first.click()
    page.keyboard.type("Total revenue")
    page.keyboard.press("Enter")
    dialog.get_by_label("Value of condition 1").fill("800")
    page.keyboard.press("Enter")
    [(rich,)] = scored("SELECT count(*) FROM customers WHERE total_revenue >= 800")
    expect(dialog.get_by_text(f"{rich:,} of all 2,000 customers may get it.")).to_be_visible()
    dialog.get_by_role("button", name="Apply").click()
    expect(dialog).to_have_count(0)
    wait_until_drawn(page)
    expect(cell(page, FIRST_PICK, WHO)).to_have_text("Total revenue is at least 800")

    page.get_by_role("button", name="Save as policy").click()
    page.get_by_label("Name").fill("Winter push")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text(re.compile("^Version 1, saved by"))).to_be_visible()
    expect(page).to_have_url(re.compile("policy=winter-push$"))

    other = open_page(page.url.partition(str(page.evaluate("location.host")))[2])
    expect(other.get_by_text(re.compile("^Version 1, saved by"))).to_be_visible()
    wait_until_drawn(other)
    expect(cell(other, FIRST_PICK, WHO)).to_have_text("Total revenue is at least 800")
    expect(cell(other, FIRST_PICK, WITH_POLICY)).to_have_text("17")


def test_from_an_offer_to_a_segment_on_a_phone(open_page: OpenPage, scored: Query):
    page = open_page("/offers", viewport=PHONE)
    heading(page, "Next best offer")
    [(name, customers)] = scored(
        "SELECT name, count(*) FROM customers JOIN offers ON offer_id = recommended_offer "
        "GROUP BY 1 ORDER BY 2 DESC LIMIT 1"
    )
    page.get_by_role("button", name="Save as segment").click()
    page.get_by_text(f"Customers of {name}", exact=True).click()
    heading(page, "New segment")
    expect(figure(page, "Customers")).to_have_text(f"{customers:,}")
