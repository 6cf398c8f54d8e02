"""What people do on the screens: they press, type, choose, and click rows and cells."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import heading, wait_until_drawn

ROW_HEIGHT = 35
FIRST_CELL = 40


def expect_size(page: Page, size: str) -> None:
    """Wait for the first figure on the screen to be that many customers."""
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(size)
    wait_until_drawn(page)


def choose(page: Page, label: str, text: str) -> None:
    """Type into a list and take what it offers."""
    page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("option", name=re.compile(re.escape(text))).first.click()
    wait_until_drawn(page)


def write(page: Page, label: str, text: str) -> None:
    page.get_by_label(label, exact=True).fill(text)
    page.keyboard.press("Enter")
    wait_until_drawn(page)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()
    wait_until_drawn(page)


def save_as(page: Page, name: str) -> None:
    """Through the dialog, with the name typed last: the click has to bring it along."""
    press(page, "Save")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_role("button", name="Save").click()
    heading(page, name)


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    wait_until_drawn(page)


def select_row(page: Page, row: int) -> None:
    """Click a row, counted from 0; the table is a canvas, so by its place."""
    place = {"x": FIRST_CELL, "y": ROW_HEIGHT * (row + 1.5)}
    table = page.get_by_test_id("stDataFrame").locator(".dvn-scroller")
    table.hover(position=place)  # it ignores a click where no pointer has moved, as only that of a test does
    table.click(position=place)


def cell(page: Page, text: str) -> Locator:
    """A cell of the table, from the copy that the canvas keeps for screen readers."""
    return page.get_by_test_id("stDataFrame").locator("canvas td").filter(has_text=text)


def click_cell(page: Page, recency: int, frequency: int) -> None:
    """Click in the middle of a cell, which is somewhere between the labels of its row and of its column."""
    chart = page.get_by_test_id("stPlotlyChart")
    column = chart.locator(".xtick").nth(recency - 1).bounding_box()
    row = chart.locator(".ytick").nth(frequency - 1).bounding_box()
    assert column is not None
    assert row is not None
    page.mouse.click(column["x"] + column["width"] / 2, row["y"] + row["height"] / 2)
