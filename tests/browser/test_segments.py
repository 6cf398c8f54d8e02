"""Segments as an analyst makes and uses them, in a browser, every count held against SQL written by hand."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from loyalty_core.ui.segments.address import encode_rule
from tests.browser.actions import choose, expect_size, open_tab, press, save_as, write
from tests.browser.pages import PHONE, OpenPage, heading, take_picture, wait_until_drawn
from tests.workbench import API, DEMO_CUSTOMERS, Query, Served

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.browser, pytest.mark.extended]


RICH = {">=": [{"var": "total_revenue"}, 500]}
THREE_LEVELS = {
    "and": [RICH, {"or": [{"in": [{"var": "customer_tier"}, ["Gold"]]}, {"and": [{"<": [{"var": "age"}, 30]}]}]}]
}
THREE_LEVELS_SQL = "total_revenue >= 500 AND (customer_tier = 'Gold' OR coalesce(age < 30, false))"


def count(query_demo: Query, where: str) -> str:
    return f"{query_demo(f'SELECT count(*) FROM customer_features_view WHERE {where}')[0][0]:,}"


def write_json(page: Page, text: str) -> None:
    """Replace what is in the editor for JSON, key by key."""
    page.frame_locator("iframe").locator(".view-line").first.click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.type(text)


def test_from_an_empty_rule_to_a_file_of_its_members(open_page: OpenPage, query_demo: Query, artifacts: Path):
    page = open_page("/segments")
    heading(page, "Segments")
    press(page, "New segment")
    heading(page, "New segment")
    expect_size(page, f"{DEMO_CUSTOMERS:,}")

    press(page, "Condition in group 1")
    choose(page, "Field of condition 1", "Total revenue")
    write(page, "Value of condition 1", "500")
    expect_size(page, count(query_demo, "total_revenue >= 500"))
    press(page, "Group in group 1")
    choose(page, "Field of condition 2", "Customer tier")
    choose(page, "Values of condition 2", "Gold")
    page.keyboard.press("Escape")
    expect_size(page, count(query_demo, "total_revenue >= 500 AND customer_tier = 'Gold'"))
    press(page, "Group in group 2")
    choose(page, "Field of condition 3", "Age")
    choose(page, "Comparison of condition 3", "is less than")
    write(page, "Value of condition 3", "30")
    size = count(query_demo, THREE_LEVELS_SQL)
    expect_size(page, size)
    take_picture(page, artifacts / "segment-editor-light.png")

    # Once in vain, then for good.
    press(page, "Save")
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    save_as(page, "Made by hand")
    expect_size(page, size)
    expect(page).to_have_title("Made by hand · Loyalty workbench")
    expect(page.get_by_test_id("stSidebarNav")).to_be_visible()

    open_tab(page, "Members")
    with page.expect_download() as download:
        page.get_by_role("link", name="All members as CSV").click()
    with download.value.path().open(encoding="utf-8", newline="") as file:
        exported = {row["customer_id"] for row in csv.DictReader(file)}
    members = query_demo(f"SELECT customer_id FROM customer_features_view WHERE {THREE_LEVELS_SQL}")
    assert exported == {customer for (customer,) in members}
    assert download.value.suggested_filename == "made-by-hand.csv"


def test_edit_a_version_and_take_the_old_one_back(open_page: OpenPage, query_demo: Query):
    page = open_page(f"/segments?edit=1&rule={encode_rule(THREE_LEVELS)}")
    old, new = (count(query_demo, THREE_LEVELS_SQL.replace("500", least)) for least in ("500", "900"))
    expect_size(page, old)
    save_as(page, "Edited twice")
    expect_size(page, old)

    press(page, "Edit")
    heading(page, "Edit Edited twice")
    write(page, "Value of condition 1", "900")
    expect_size(page, new)
    page.get_by_role("button", name="Undo").click()
    expect_size(page, old)
    page.get_by_role("button", name="Redo").click()
    expect_size(page, new)
    save_as(page, "Edited twice")
    expect_size(page, new)

    open_tab(page, "Versions")
    press(page, "Restore")
    expect(page.get_by_text("Restored version 1.")).to_be_visible()
    expect_size(page, old)
    press(page, "Edit")
    expect(page.get_by_label("Value of condition 1", exact=True)).to_have_value("500")
    expect_size(page, old)


@pytest.mark.slow
def test_a_save_that_comes_second_is_refused_also_after_a_refresh(open_page: OpenPage, served: Served):
    page = open_page(f"/segments?edit=1&rule={encode_rule(RICH)}")
    save_as(page, "Raced for")
    press(page, "Edit")
    write(page, "Value of condition 1", "900")
    expect(page).to_have_url(re.compile("version=1"))
    press(page, "Save")
    dialog = page.get_by_role("dialog")
    body = {"name": "Raced for", "rule": {"<": [{"var": "age"}, 30]}, "version": 1}
    assert page.request.put(f"{served.url}{API}/segments/raced-for/", data=body).ok
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_contain_text("Local user saved version 2 while you were editing version 1.")
    # By its key: for a moment the dialog has the field of the one before as well.
    expect(dialog.locator(".st-key-save-copy-name input")).to_have_value("Copy of Raced for")

    page.reload()
    expect(page.get_by_text("Local user saved version 2 while you were editing version 1.")).to_be_visible()
    expect(page.get_by_label("Value of condition 1", exact=True)).to_have_value("900")
    press(page, "Save as copy")
    page.get_by_role("dialog").get_by_role("button", name="Save as copy").click()
    heading(page, "Copy of Raced for")
    assert '"version":2' in served.get(f"{API}/segments/raced-for/").text


def test_json_flows_back_into_the_visual_form(open_page: OpenPage, query_demo: Query):
    page = open_page(f"/segments?edit=1&rule={encode_rule(RICH)}")
    open_tab(page, "JSONLogic")
    write_json(page, '{"<": [{"var": "agee"}, 30]}')
    expect(page.get_by_text("Line 1, $.<[0].var")).to_be_visible()
    write_json(page, '{"<": [{"var": "age"}, 30]}')
    expect_size(page, count(query_demo, "age < 30"))
    open_tab(page, "Visual")
    expect(page.get_by_label("Value of condition 1", exact=True)).to_have_value("30")
    open_tab(page, "SQL")
    expect(page.get_by_text("SQL and JSONLogic agree on all 200 customers tried").first).to_be_visible()


def test_a_field_is_inserted_by_its_plus(open_page: OpenPage):
    page = open_page("/segments?edit=1")
    fields = page.get_by_test_id("stDataFrame").first
    fields.locator(".dvn-scroller").click(position={"x": 16, "y": 35 * 1.5})
    expect(page.get_by_label("Field of condition 1", exact=True)).to_have_value("Total revenue · Financial")
    fields.locator(".dvn-scroller").click(position={"x": 100, "y": 35 * 1.5})
    expect(page.get_by_text("Name in rules: total_revenue")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_be_visible()


@pytest.mark.slow
def test_why_for_a_customer_chosen_among_several(
    open_page: OpenPage, served: Served, query_demo: Query, artifacts: Path
):
    page = open_page(f"/segments?edit=1&rule={encode_rule(THREE_LEVELS)}")
    save_as(page, "To be explained")
    open_tab(page, "Why?")
    [(outsider, name)] = query_demo(
        "SELECT customer_id, full_name FROM customer_features_view "
        "WHERE total_revenue BETWEEN 1 AND 499 AND age < 30 AND full_name IN "
        "(SELECT full_name FROM customer_features_view GROUP BY 1 HAVING count(*) BETWEEN 2 AND 8) ORDER BY 1 LIMIT 1"
    )
    page.get_by_label("Customer", exact=True).fill(name)
    page.keyboard.press("Enter")
    page.get_by_text(outsider).click()
    expect(page.get_by_text("Not in To be explained.")).to_be_visible()
    expect(page.get_by_text(re.compile("^Total revenue would have to be 500 instead of"))).to_be_visible()
    expect(page).to_have_url(re.compile(f"customer={outsider}"))
    take_picture(page, artifacts / "segment-why-light.png")
    page.reload()
    expect(page.get_by_text("Not in To be explained.")).to_be_visible()
    assert served.get(f"{API}/segments/to-be-explained/customers/{outsider}/").text.startswith('{"belongs":false')


def test_a_segment_in_use_is_not_deleted(open_page: OpenPage):
    heading(open_page("/segments"), "Segments")  # the first visit creates them
    page = open_page("/segments?segment=vip")
    heading(page, "VIP")
    page.get_by_test_id("stMenuButton").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text("The segment “VIP” is in use.")
    expect(page.get_by_role("dialog")).to_contain_text("“VIP at risk”")


def test_a_phone_can_change_a_rule(open_page: OpenPage, query_demo: Query, artifacts: Path):
    page = open_page(f"/segments?edit=1&rule={encode_rule(THREE_LEVELS)}", viewport=PHONE)
    expect_size(page, count(query_demo, THREE_LEVELS_SQL))
    write(page, "Value of condition 1", "900")
    expect_size(page, count(query_demo, THREE_LEVELS_SQL.replace("500", "900")))
    widths = page.evaluate("(e => [e.scrollWidth, e.clientWidth])(document.querySelector('[data-testid=stMain]'))")
    assert widths[0] <= widths[1]
    take_picture(page, artifacts / "segment-editor-phone.png")


@pytest.mark.slow
@pytest.mark.parametrize("look", ["light", "dark"])
def test_every_tab_of_a_segment(open_page: OpenPage, artifacts: Path, look: str):
    heading(open_page("/segments"), "Segments")  # the first visit creates them
    page = open_page("/segments?segment=vip&tab=Members", dark=look == "dark")
    heading(page, "VIP")
    expect(page.get_by_role("tab", name="Members")).to_have_attribute("aria-selected", "true")
    for tab in ("Rule", "Members", "Profile", "Overlap", "Sizes", "Versions"):
        page.get_by_role("tab", name=tab).click()
        wait_until_drawn(page)
        take_picture(page, artifacts / f"segment-{tab.lower()}-{look}.png")
