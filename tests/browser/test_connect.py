"""A file dropped in the browser becomes the data of every screen, and Undo brings the former back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.pages import PATIENCE_MS, wait_until_drawn
from tests.workbench import serve

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.extended

CUSTOMERS = "card,region,visits,revenue,churned\n" + "".join(
    f"{number},{'north' if number % 2 else 'south'},{number % 5},{number % 7 * 10}.5,{'yes' if number % 3 else 'no'}\n"
    for number in range(1_000, 1_060)
)


@pytest.mark.slow
def test_a_dropped_file_is_read_by_every_screen_and_undone(browser: Browser, tmp_path: Path):
    file = tmp_path / "Members.csv"
    file.write_text(CUSTOMERS, "utf-8")
    folder = tmp_path / "app"
    folder.mkdir()
    with serve(folder) as app:
        context = browser.new_context(locale="en-GB")
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{app.url}/connect")
        wait_until_drawn(page)
        page.locator("input[type=file]").set_input_files(file)
        expect(page.get_by_text("60 rows, 5 columns", exact=False)).to_be_visible(timeout=PATIENCE_MS)
        page.get_by_role("button", name="Load this file").click()
        # The job is a process of its own, which gives way to everything else on the machine.
        expect(page.get_by_text("Members.csv is in use.")).to_be_visible(timeout=5 * PATIENCE_MS)
        page.goto(f"{app.url}/overview")
        expect(page.get_by_test_id("stMetric").filter(has_text="Customers").first).to_contain_text(
            "60", timeout=PATIENCE_MS
        )
        page.goto(f"{app.url}/connect")
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_text("Default warehouse").first).to_be_visible(timeout=PATIENCE_MS)
        context.close()
