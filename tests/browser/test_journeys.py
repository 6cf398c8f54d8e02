"""Journeys through the app as a person takes them."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.actions import cell, select_row
from tests.browser.pages import PHONE, OpenPage, heading, wait_until_drawn
from tests.workbench import GUIDE_CUSTOMER, Query

pytestmark = pytest.mark.browser


@pytest.fixture
def person(query_demo: Query) -> tuple[str, str, str]:
    """Id, full name and revenue as shown of the one member with the rarest name; found by a part of it."""
    [(customer_id, name, revenue)] = query_demo(
        "SELECT customer_id, full_name, total_revenue FROM customer_features_view "
        "WHERE total_revenue > 0 AND full_name IN "
        "(SELECT full_name FROM customer_features_view GROUP BY 1 HAVING count(*) = 1) ORDER BY full_name LIMIT 1"
    )
    return customer_id, name, f"€{revenue:,.2f}"


def test_a_link_leads_to_the_customer(open_page: OpenPage, query_demo: Query):
    """Is first: with a folder named pages/, a process's first link may lead to a page without its frame."""
    [(name, revenue, baskets)] = query_demo(
        "SELECT full_name, total_revenue, transaction_count FROM customer_features_view WHERE customer_id = ?",
        GUIDE_CUSTOMER,
    )
    page = open_page(f"/customers?customer_id={GUIDE_CUSTOMER}")
    heading(page, name)
    figures = page.get_by_test_id("stMetricValue")
    expect(figures.nth(0)).to_have_text(f"€{revenue:,.2f}")
    expect(figures.nth(1)).to_have_text(f"{baskets:,}")
    expect(page.get_by_test_id("stSidebar").get_by_text("Demo data").first).to_be_visible()
    page.get_by_role("tab", name="Activity").click()
    expect(page.get_by_role("heading", name="Spend by month")).to_be_visible()
    page.get_by_role("tab", name="All features").click()
    expect(page.get_by_role("heading", name="Risk & Engagement")).to_be_visible()


def test_from_overview_to_a_customer_and_back(open_page: OpenPage, person: tuple[str, str, str]):
    customer_id, name, revenue = person
    page = open_page()
    heading(page, "Overview")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Customers").click()
    heading(page, "Customers")

    page.get_by_label("Find a customer").fill(name[1:])
    page.keyboard.press("Enter")
    expect(page.get_by_text("Click a row to open the customer.")).to_be_visible()
    wait_until_drawn(page)
    expect(cell(page, name)).to_be_attached()

    select_row(page, 0)
    heading(page, name)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(revenue)
    expect(page).to_have_url(re.compile(f"customer_id={customer_id}"))

    page.reload()
    heading(page, name)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(revenue)

    page.get_by_role("button", name="All customers").click()
    heading(page, "Customers")
    expect(page).not_to_have_url(re.compile("customer_id"))


def test_a_search_stays_out_of_the_address_and_is_there_on_coming_back(open_page: OpenPage):
    page = open_page("/customers")
    page.get_by_label("Find a customer").fill("123e4567")
    page.keyboard.press("Enter")
    expect(cell(page, GUIDE_CUSTOMER)).to_be_attached()
    assert "123e4567" not in page.url
    page.get_by_role("link", name="Segments").click()
    heading(page, "Segments")
    page.get_by_role("link", name="Customers").click()
    heading(page, "Customers")
    expect(page.get_by_label("Find a customer")).to_have_value("123e4567")
    expect(cell(page, GUIDE_CUSTOMER)).to_be_attached()


def test_a_link_to_nobody_says_so_and_leads_back(open_page: OpenPage):
    page = open_page("/customers?customer_id=%22%3E%3Cimg%20src%3Dx%3E")
    expect(page.get_by_test_id("stAlert")).to_contain_text("No customer has the id '\"><img src=x>'.")
    page.get_by_role("button", name="All customers").click()
    heading(page, "Customers")


def test_system_health_has_no_fault(open_page: OpenPage):
    page = open_page("/health")
    expect(page.get_by_text(re.compile(r"^Works, but 1 of \d+ checks needs attention\.$"))).to_be_visible()
    page.get_by_role("button", name="Check again").click()
    wait_until_drawn(page)
    expect(page.get_by_text("customers: 2,000.")).to_be_visible()
    expect(page.get_by_text("· fails")).to_have_count(0)


def test_a_phone_can_find_and_open_a_customer(open_page: OpenPage, person: tuple[str, str, str]):
    _, name, _ = person
    page = open_page("/customers", viewport=PHONE)
    page.get_by_label("Find a customer").fill(name)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Click a row to open the customer.")).to_be_visible()
    wait_until_drawn(page)
    select_row(page, 0)
    heading(page, name)
