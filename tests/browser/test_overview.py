"""The dashboard on Overview: cards stay where they were put, and lead on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import FloatRect, FrameLocator, Locator, Page, expect

from tests.browser.pages import PHONE, OpenPage, wait_until_drawn

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.browser, pytest.mark.extended]


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """Overview with its cards where they stand at first."""
    page = open_page()
    dashboard_on(page)
    reset = page.get_by_role("button", name="Reset layout")
    if reset.is_visible():
        reset.click()
        expect(reset).to_have_count(0)
    return page


def dashboard_on(page: Page) -> FrameLocator:
    frame = page.frame_locator("iframe[title*=streamlit_elements]")
    expect(frame.locator(".card")).to_have_count(8)
    expect(frame.locator("[aria-label='Revenue by month.'] rect").nth(5)).to_be_attached()
    return frame


def test_its_own_address_leads_to_it(open_page: OpenPage):
    page = open_page("/overview?plain=true")
    expect(page).to_have_url(re.compile(r":\d+/\?plain=true$"))
    expect(page.get_by_role("heading", name="Overview", exact=True)).to_be_visible()
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(page.get_by_test_id("stProgress").first).to_be_visible()


def card(frame: FrameLocator, title: str) -> Locator:
    return frame.locator(".react-grid-item", has=frame.get_by_role("heading", name=title, exact=True))


def box_of(locator: Locator) -> FloatRect:
    box = locator.bounding_box()
    assert box is not None
    return box


def place_of(locator: Locator) -> tuple[str, ...]:
    """Where the grid has put a card, and how large it is."""
    style = locator.get_attribute("style") or ""
    return tuple(re.findall(r"(?:translate|width|height).*?;", style))


def drag(page: Page, start: Locator, right: float, down: float) -> None:
    """By the middle of what is dragged, in steps as a hand would."""
    box = box_of(start)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y + down, steps=12)
    page.mouse.up()


def test_cards_follow_a_change_between_light_and_dark(page: Page):
    body = dashboard_on(page).locator("body")
    light = body.evaluate("e => getComputedStyle(e).backgroundColor")
    page.emulate_media(color_scheme="dark")
    expect(body).not_to_have_css("background-color", light)
    page.emulate_media(color_scheme="light")
    expect(body).to_have_css("background-color", light)


def test_a_card_stays_where_it_was_dragged(page: Page, artifacts: Path):
    frame = dashboard_on(page)
    risk, months = card(frame, "Churn risk"), card(frame, "Revenue by month")
    first = place_of(risk), place_of(months)
    drag(page, risk.locator(".head h3"), right=-600, down=0)
    reset = page.get_by_role("button", name="Reset layout")
    expect(reset).to_be_visible()
    expect(risk).to_have_attribute("style", re.compile(r"translate\(0px, 0px\)"))
    moved = place_of(risk), place_of(months)
    assert moved != first

    page.reload()
    wait_until_drawn(page)
    frame = dashboard_on(page)
    assert (place_of(card(frame, "Churn risk")), place_of(card(frame, "Revenue by month"))) == moved
    page.screenshot(path=artifacts / "overview-dragged.png")

    reset.click()
    expect(reset).to_have_count(0)
    expect(card(frame, "Churn risk")).not_to_have_attribute("style", re.compile(r"translate\(0px, 0px\)"))
    assert (place_of(card(frame, "Churn risk")), place_of(card(frame, "Revenue by month"))) == first


def test_a_card_keeps_its_size_and_still_shows_what_it_has(page: Page):
    months = card(dashboard_on(page), "Revenue by month")
    before = box_of(months)
    drag(page, months.locator(".react-resizable-handle"), right=-400, down=-200)
    expect(page.get_by_role("button", name="Reset layout")).to_be_visible()
    small = place_of(months)
    page.reload()
    wait_until_drawn(page)
    months = card(dashboard_on(page), "Revenue by month")
    assert place_of(months) == small
    after = box_of(months)
    assert after["width"] < before["width"] / 2
    assert after["height"] < before["height"]
    chart = box_of(months.locator("svg"))
    assert chart["width"] > 150
    assert chart["x"] + chart["width"] <= after["x"] + after["width"]
    page.get_by_role("button", name="Reset layout").click()
    expect(page.get_by_role("button", name="Reset layout")).to_have_count(0)


def test_a_bar_says_in_a_sentence_what_it_is(page: Page):
    frame = dashboard_on(page)
    frame.locator("[aria-label='Revenue by month.'] rect").nth(5).hover(force=True)
    expect(frame.locator(".tip")).to_have_text(re.compile(r"^[A-Z][a-z]+ 20\d\d: €[\d,.]+ in [\d,]+ purchases$"))


def test_a_card_leads_to_its_screen(page: Page):
    card(dashboard_on(page), "Churn risk").get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", name="Churn", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("/churn$"))


def test_a_top_segment_leads_to_itself(open_page: OpenPage):
    page = open_page("/segments")  # makes the segments that every workbench begins with
    wait_until_drawn(page)
    page.get_by_role("link", name="Overview").click()
    frame = dashboard_on(page)
    rows = card(frame, "Top segments").locator("button.row")
    name = rows.first.locator(".name").inner_text()
    rows.first.click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/segments\?segment="))


def test_a_phone_has_the_cards_one_below_the_other(open_page: OpenPage):
    frame = dashboard_on(open_page(viewport=PHONE))
    boxes = [box_of(one) for one in frame.locator(".react-grid-item").all()]
    assert len({box["x"] for box in boxes}) == 1
    assert all(box["width"] > 350 for box in boxes)
    expect(frame.locator(".react-resizable-handle").first).to_be_hidden()


def test_a_link_leads_to_the_plain_layout(open_page: OpenPage):
    page = open_page("/?plain=true")
    expect(page.get_by_role("heading", name="Revenue by month")).to_be_visible()
    expect(page.locator("iframe")).to_have_count(0)
    page.get_by_text("Plain layout").click()
    dashboard_on(page)
    expect(page).not_to_have_url(re.compile("plain"))
