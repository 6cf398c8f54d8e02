"""What an analyst does in an afternoon, screen by screen, with the figures that SQL on the same customers gives.

`test_journey.py` takes it on a small base, `python -m benchmarks.spark_screens` on a large one, with times.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb
from playwright.sync_api import expect

from tests.browser.actions import (
    cell,
    choose,
    click_cell,
    expect_size,
    open_tab,
    press,
    save_as,
    select_row,
    write,
)
from tests.browser.pages import figure, heading, wait_until_drawn
from tests.workbench import API

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.workbench import Query, Served

CHOSEN = "total_revenue >= 500 AND customer_tier IN ('Gold')"
# Whoever has been silent for longer counts as having left, and is not contacted.
PRESENT = "NOT coalesce(last_purchase_days_ago > 180, false)"


def write_copies(demo: Path, folder: Path, customers: int) -> None:
    """Copies of the demo's customers as Parquet files, with ids of their own; the first copy has the purchases."""
    with duckdb.connect(str(demo), read_only=True) as connection:
        connection.execute(f"""
            COPY (
                SELECT v.* REPLACE (
                    customer_id || '-' || copy AS customer_id, total_revenue * (1 + copy / 997.0) AS total_revenue
                )
                FROM range({customers}) AS c(copy) CROSS JOIN customer_features_view AS v LIMIT {customers}
            ) TO '{folder}/customer_features_view.parquet' (ROW_GROUP_SIZE 250000)""")
        connection.execute(
            "COPY (SELECT * REPLACE (customer_id || '-0' AS customer_id) FROM transactions) "
            f"TO '{folder}/transactions.parquet'"
        )
        connection.execute(f"COPY offers TO '{folder}/offers.parquet'")


def see_the_overview(page: Page, query: Query) -> None:
    heading(page, "Overview")
    [(customers, churners)] = query("SELECT count(*), sum(churn_probability) FROM customers")
    expect(figure(page, "Customers")).to_have_text(f"{customers:,}")
    expect(figure(page, "Expected churners")).to_have_text(f"{round(churners):,}")
    frame = page.frame_locator("iframe[title*=streamlit_elements]")
    expect(frame.locator(".card")).to_have_count(8)
    expect(frame.locator("[aria-label='Revenue by month.'] rect").nth(5)).to_be_attached()


def open_the_rule_builder(page: Page, query: Query) -> None:
    go_to(page, "Segments")
    press(page, "New segment")
    heading(page, "New segment")
    expect_size(page, count(query, "true"))


def build_a_segment(page: Page, query: Query) -> None:
    press(page, "Condition in group 1")
    choose(page, "Field of condition 1", "Total revenue")
    write(page, "Value of condition 1", "500")
    expect_size(page, count(query, "total_revenue >= 500"))
    press(page, "Condition in group 1")
    choose(page, "Field of condition 2", "Customer tier")
    choose(page, "Values of condition 2", "Gold")
    page.keyboard.press("Escape")
    expect_size(page, count(query, CHOSEN))


def save_the_segment(page: Page, query: Query) -> None:
    save_as(page, "Gold spenders")
    expect_size(page, count(query, CHOSEN))


def read_its_profile(page: Page, query: Query) -> None:
    del query
    open_tab(page, "Profile")
    expect(page.locator(".js-plotly-plot").first).to_be_visible()


def find_a_customer(page: Page, query: Query) -> None:
    """One of the first copy, so that there are purchases."""
    customer_id, _ = a_buyer(query)
    go_to(page, "Customers")
    page.get_by_label("Find a customer").fill(customer_id)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Click a row to open the customer.")).to_be_visible()
    wait_until_drawn(page)
    expect(cell(page, customer_id)).to_be_attached()


def open_the_customer(page: Page, query: Query) -> None:
    customer_id, name = a_buyer(query)
    select_row(page, 0)
    heading(page, name)
    [(revenue,)] = query("SELECT total_revenue FROM customers WHERE customer_id = ?", customer_id)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(f"€{revenue:,.2f}")
    open_tab(page, "Activity")
    expect(page.get_by_role("heading", name="Spend by month")).to_be_visible()


def read_the_rfm_grid(page: Page, query: Query) -> None:
    del query
    go_to(page, "RFM")
    expect(page.get_by_test_id("stPlotlyChart").locator(".xtick")).to_have_count(5)


def choose_a_cell(page: Page, query: Query) -> None:
    click_cell(page, recency=2, frequency=4)
    expect(page).to_have_url(re.compile(r"cell=Recency\+2"))
    wait_until_drawn(page)
    expect(figure(page, "Customers")).to_have_text(count(query, "recency = 2 AND frequency = 4"))


def read_about_churn(page: Page, query: Query) -> None:
    go_to(page, "Churn")
    for risk in ("High", "Medium", "Low"):
        expect(figure(page, f"{risk} risk")).to_have_text(count(query, f"churn_risk = '{risk.lower()}'"))


def move_the_threshold(page: Page, query: Query) -> None:
    slider = page.get_by_role("slider")
    slider.press("Home")
    for _ in range(40):
        slider.press("ArrowRight")
    expect(page).to_have_url(re.compile("threshold=40"))
    expect(figure(page, "Customers contacted")).to_have_text(count(query, f"churn_probability >= 0.4 AND {PRESENT}"))
    wait_until_drawn(page)


def read_drivers_and_groups(page: Page, query: Query) -> None:
    del query
    open_tab(page, "Drivers and groups")
    expect(page.locator(".js-plotly-plot").nth(1)).to_be_visible()


JOURNEY: dict[str, Callable[[Page, Query], None]] = {
    "Overview": see_the_overview,
    "Rule builder, empty": open_the_rule_builder,
    "Rule builder, two conditions": build_a_segment,
    "Segment saved": save_the_segment,
    "Segment, profile": read_its_profile,
    "Customers, search": find_a_customer,
    "One customer": open_the_customer,
    "RFM": read_the_rfm_grid,
    "RFM, another cell": choose_a_cell,
    "Churn": read_about_churn,
    "Churn, another threshold": move_the_threshold,
    "Churn, drivers and groups": read_drivers_and_groups,
}


def queries_of(app: Served) -> int:
    """How many queries the app has asked its warehouse."""
    counts = re.findall(
        r"^loyalty_warehouse_query_duration_seconds_count\{.*\} (\S+)", app.get(f"{API}/metrics/").text, re.M
    )
    return sum(int(float(count)) for count in counts)


def go_to(page: Page, screen: str) -> None:
    page.get_by_test_id("stSidebarNav").get_by_role("link", name=screen, exact=True).click()
    heading(page, screen)


def count(query: Query, where: str) -> str:
    return f"{query(f'SELECT count(*) FROM customers WHERE {where}')[0][0]:,}"


def a_buyer(query: Query) -> tuple[str, str]:
    """Id and name of a customer who has purchases."""
    [(customer_id, name)] = query(
        "SELECT customer_id, full_name FROM customers WHERE customer_id LIKE '%-0' AND full_name <> '' "
        "ORDER BY transaction_count DESC, customer_id LIMIT 1"
    )
    return customer_id, name
