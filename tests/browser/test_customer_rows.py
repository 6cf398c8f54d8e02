"""What the style of tables of customers needs of Streamlit's page."""

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.pages import OpenPage
from tests.workbench import GUIDE_CUSTOMER

pytestmark = [pytest.mark.browser, pytest.mark.extended]


def expect_no_download(table: Locator) -> None:
    table.hover()
    expect(table.get_by_role("button", name="Search")).to_be_visible()
    download = table.locator("button[aria-label^=Download]")
    expect(download).to_have_count(1)
    expect(download).to_be_hidden()


def test_rows_of_customers_have_no_download(open_page: OpenPage):
    page = open_page("/customers")
    expect_no_download(page.locator("[class*=st-key-customer-rows-found]"))
    page = open_page(f"/customers?customer_id={GUIDE_CUSTOMER}")
    page.get_by_role("tab", name="All features").click()
    expect_no_download(page.locator("[class*=st-key-customer-rows-features]").first)
