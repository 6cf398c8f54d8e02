"""What is selected, and what can be, stands out from the page as the accessibility guidelines (WCAG 2.1) ask."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.pages import wait_until_drawn

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.pages import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.extended]

BACKGROUNDS = {False: (255, 255, 255), True: (15, 24, 29)}
TEXT, SHAPE = 4.5, 3.0


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """The ratio of WCAG 2.1, from 1 to 21."""
    darker, lighter = sorted(_luminance(colour) for colour in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: tuple[int, ...]) -> float:
    parts = [part / 255 for part in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def colour_of(element: Locator, what: str) -> tuple[int, ...]:
    expect(element).to_be_visible()
    written = element.evaluate(f"element => getComputedStyle(element).{what}")
    return tuple(int(part) for part in re.findall(r"\d+", written)[:3])


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_what_is_selected_can_be_read(open_page: OpenPage, dark: bool):
    page = open_page("/training", dark=dark)
    background = BACKGROUNDS[dark]
    chosen = page.get_by_role("radio", name="All models")
    for selected in (page.get_by_role("tab", selected=True).first, chosen):
        assert contrast(colour_of(selected, "color"), background) >= TEXT
    other = page.get_by_role("radio", name="Churn", exact=True)
    assert colour_of(other, "color") != colour_of(chosen, "color")
    box = page.get_by_test_id("stCheckbox").filter(has_text="Activate models").locator("label > div").first
    assert contrast(colour_of(box, "borderTopColor"), background) >= SHAPE
    page.goto(page.url.partition("/training")[0] + "/campaigns?edit=1&step=Limits")
    wait_until_drawn(page)
    share = page.get_by_test_id("stSliderThumbValue")
    assert contrast(colour_of(share, "color"), background) >= TEXT


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_what_can_be_chosen_can_be_seen(open_page: OpenPage, dark: bool):
    page = open_page("/campaigns?edit=1&step=Trigger", dark=dark)
    options = page.get_by_test_id("stRadioOption")
    expect(options).to_have_count(5)
    for option in options.all():
        ring = option.locator("div > div").first
        assert contrast(colour_of(ring, "borderTopColor"), BACKGROUNDS[dark]) >= SHAPE
