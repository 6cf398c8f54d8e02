"""Names from the data and from people, drawn by a real browser: no element, script, link or request comes of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from playwright.sync_api import ProxySettings, expect

from loyalty_core.services import get_services
from tests.browser.pages import PATIENCE_MS, foreign, wait_until_drawn
from tests.fixtures.hostile import HOST, NAME, Hostile
from tests.workbench import Internet, serve

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.extended]

_SETTINGS = ("DWH_URL", "LOCAL_USER", "PREDICTIONS_FILE", "MODELS_DIR", "STATE_DATABASE_URL")
# What a browser would make of the names. Their formatted parts are these letters and words alone.
_MADE = """(host) => {
    const all = [...document.querySelectorAll("*")];
    const leadsAway = (element) => [...element.attributes].some(({name, value}) =>
        ["src", "href", "xlink:href", "data", "action", "srcset", "poster"].includes(name) &&
        (value.includes(host) || /^(mailto|javascript):/i.test(value)));
    const isFormatted = (element) =>
        /^(EM|I|B|CODE|LI|H1|H2|SPAN)$/.test(element.tagName) && !element.childElementCount &&
        /^([abcfghik]|list|item|code|heading)$/.test(element.textContent.trim());
    const isIcon = (element) => element.dataset.testid === "stIconMaterial" && element.textContent === "home";
    const runs = (element) => element.hasAttribute("onload") || element.hasAttribute("onerror");
    return all.filter((one) => leadsAway(one) || isFormatted(one) || isIcon(one) || runs(one))
        .map((one) => one.outerHTML.slice(0, 200));
}"""


@pytest.mark.slow  # tests/ui/test_hostile_names.py draws the same without a browser
def test_names_are_texts(hostile: Hostile, browser: Browser, internet: Internet, tmp_path: Path):
    # The served process is to open the same files.
    get_services().warehouse.close()
    get_services().store.close()
    settings = {name: os.environ[name] for name in _SETTINGS}
    folder = tmp_path / "app"
    folder.mkdir()
    asked_before = len(internet.requested)
    made: list[str] = []
    asked: list[str] = []
    shown: list[str] = []
    with serve(folder, **settings, http_proxy=internet.url, https_proxy=internet.url) as app:
        proxy = ProxySettings(server=internet.url, bypass="127.0.0.1")
        context = browser.new_context(locale="en-GB", proxy=proxy)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda request: asked.extend(foreign(request.url, app.port)))
        for screen, parameters in hostile.screens() + hostile.views():
            page.goto(f"{app.url}/{screen.path}?{urlencode(parameters)}")
            wait_until_drawn(page)
            _wait_for_charts(page)
            made += [
                f"{screen.title} {parameters}: {one}" for frame in page.frames for one in frame.evaluate(_MADE, HOST)
            ]
            shown += [f"{screen.title} {parameters}"] * any(NAME in frame.inner_text("body") for frame in page.frames)
            assert page.title().endswith(" · Loyalty workbench")  # a script of the names would change it
        context.close()
    assert made == [], made
    assert asked == [], asked
    assert not [address for address in internet.requested[asked_before:] if HOST in address]
    assert len(shown) > 20, shown


def _wait_for_charts(page: Page) -> None:
    """Until every chart has its texts, and the frames of the dashboard and the editor their content."""
    expect(page.locator("[data-testid=stPlotlyChart]:not(:has(.main-svg))")).to_have_count(0)
    for number in range(page.locator("iframe").count()):
        expect(page.frame_locator("iframe").nth(number).locator(".card, .monaco-editor").first).to_be_visible()
