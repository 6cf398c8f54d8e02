"""Every screen in light and dark and on a phone: nothing sticks out, and a picture for people to judge."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from loyalty_core.ui.navigation import SCREENS
from tests.browser.pages import DESKTOP, PHONE, OpenPage, take_picture
from tests.workbench import GUIDE_CUSTOMER

pytestmark = [pytest.mark.browser, pytest.mark.extended]

LOOKS = {"light": (DESKTOP, False), "dark": (DESKTOP, True), "phone": (PHONE, False)}
BACKGROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(15, 24, 29)", "phone": "rgb(255, 255, 255)"}
ADDRESSES = {screen.path: f"/{screen.path}" for screen in SCREENS[1:]} | {
    "overview": "/",
    "customer": f"/customers?customer_id={GUIDE_CUSTOMER}",
}


@pytest.mark.parametrize("look", ["phone", *(pytest.param(look, marks=pytest.mark.slow) for look in ("light", "dark"))])
@pytest.mark.parametrize("screen", ADDRESSES)
def test_every_screen_fits(open_page: OpenPage, artifacts: Path, screen: str, look: str):
    viewport, dark = LOOKS[look]
    page = open_page(ADDRESSES[screen], viewport=viewport, dark=dark)
    take_picture(page, artifacts / f"{screen}-{look}.png")
    background = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
    assert background == BACKGROUNDS[look]
    for part in ("html", "[data-testid=stMain]"):
        widths = page.evaluate(f"(e => [e.scrollWidth, e.clientWidth])(document.querySelector('{part}'))")
        assert widths[0] <= widths[1], part


@pytest.mark.parametrize(("tab", "content"), [("Activity", "stPlotlyChart"), ("All features", "stDataFrame")])
def test_the_other_tabs_of_a_customer(open_page: OpenPage, artifacts: Path, tab: str, content: str):
    page = open_page(ADDRESSES["customer"])
    page.get_by_role("tab", name=tab).click()
    expect(page.get_by_role("tabpanel", name=tab).get_by_test_id(content).first).to_be_visible()
    take_picture(page, artifacts / f"customer-{tab.lower().replace(' ', '-')}.png")
