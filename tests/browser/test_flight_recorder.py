"""An event typed by hand: tried, then sent, then seen step by step once the server has applied it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from tests.workbench import GUIDE_CUSTOMER

if TYPE_CHECKING:
    from tests.browser.pages import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.extended]


def test_an_event_is_tried_sent_and_seen(open_page: OpenPage) -> None:
    page = open_page("/recorder?" + urlencode({"view": "Try an event", "customer": GUIDE_CUSTOMER}))
    page.get_by_role("button", name="Dry run", exact=True).click()
    expect(page.get_by_text("Dry run: nothing was changed")).to_be_visible()
    expect(page.get_by_text("5. Segments evaluated")).to_be_visible()
    page.get_by_role("button", name="Send for real").click()
    page.get_by_role("button", name="Send the event").click()
    expect(page).to_have_url(re.compile(r"event=\d+"))
    expect(page.get_by_text(re.compile(r"^Event \d+ of customer"))).to_be_visible()
    expect(page.get_by_text("6. Segments joined and left").last).to_be_visible()
    page.get_by_role("button", name="All events").click()
    expect(page.get_by_text("Click a row to see every step.")).to_be_visible()
