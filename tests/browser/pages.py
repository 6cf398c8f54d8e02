"""Pages of the served app in a browser: how they are opened, waited for and pictured."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.workbench import Served

PATIENCE_MS = 120_000
expect.set_options(timeout=PATIENCE_MS)  # for every expectation: the machine may be busy
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 420, "height": 800}
SWITCHES = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]


class OpenPage(Protocol):
    """Opens an address of the app in a new window and waits until the screen is drawn."""

    def __call__(self, path: str = "/", *, viewport: dict[str, int] = ..., dark: bool = False) -> Page: ...


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's chromium; tests are skipped where it is missing, but fail under CI."""
    program = shutil.which("chromium")
    if program is None:
        missing = "chromium is not installed (apt-get install chromium)"
        (pytest.fail if os.environ.get("CI", "").lower() in {"1", "true"} else pytest.skip)(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=SWITCHES)
        yield browser
        browser.close()


@contextmanager
def profile_of(browser: Browser) -> Iterator[BrowserContext]:
    """A second browser that keeps the app's scripts on disk, compiled: a page takes a third less of the processor."""
    with TemporaryDirectory(prefix="loyalty-profile-", ignore_cleanup_errors=True) as folder:
        profile = browser.browser_type.launch_persistent_context(
            folder, executable_path=shutil.which("chromium"), args=SWITCHES, locale="en-GB"
        )
        yield profile
        profile.close()


@contextmanager
def pages_of(served: Served, profile: BrowserContext) -> Iterator[OpenPage]:
    """Pages on a served app; afterwards each must have stayed free of errors and on this machine.

    The profile is as new: of what was opened in it before, it has the files alone.
    """
    faults: list[str] = []
    pages: list[Page] = []
    forget_visits(served, profile)

    def open_one(path: str = "/", *, viewport: dict[str, int] = DESKTOP, dark: bool = False) -> Page:
        page = profile.new_page()
        pages.append(page)
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: faults.extend(complaint(message)))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: faults.extend(foreign(request.url, served.port)))
        page.goto(served.url + path)
        wait_until_drawn(page)
        return page

    yield open_one
    for page in pages:
        page.close()
    assert faults == [], faults


def forget_visits(served: Served, profile: BrowserContext) -> None:
    """Cookies and whatever else the app has stored in the browser."""
    profile.clear_cookies()
    session = profile.new_cdp_session(profile.pages[0])
    stored = "local_storage,indexeddb,service_workers,cache_storage"
    session.send("Storage.clearDataForOrigin", {"origin": f"http://127.0.0.1:{served.port}", "storageTypes": stored})
    session.detach()


def wait_until_drawn(page: Page) -> None:
    """Until the script has ended, nothing is still to come, and no exception is shown."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def figure(page: Page, label: str) -> Locator:
    """The value of the figure under this label."""
    metric = page.get_by_test_id("stMetric").filter(has_text=label)
    return metric.get_by_test_id("stMetricValue")


def heading(page: Page, text: str) -> None:
    """Wait for the screen with this heading."""
    expect(page.get_by_role("heading", name=text, exact=True, level=1)).to_be_visible()
    wait_until_drawn(page)


def complaint(message: ConsoleMessage) -> list[str]:
    """What the console says is wrong, but for Streamlit's own search for where it is mounted."""
    address = message.location["url"]
    searching = re.search(r"/\w+/_stcore/(health|host-config)$", address)
    return [f"{message.text} {address}"] if message.type == "error" and not searching else []


def foreign(url: str, port: int) -> list[str]:
    parts = urlsplit(url)
    ours = parts.scheme in {"data", "blob"} or (parts.hostname, parts.port) == ("127.0.0.1", port)
    return [] if ours else [f"asked {url}"]


def take_picture(page: Page, file: Path) -> None:
    """The whole screen, however long: the window grows to hold it, since the app scrolls inside."""
    width = page.viewport_size["width"]
    page.mouse.move(0, 0)
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": width, "height": max(height, 600)})
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(700)  # charts and tables redraw for the new height, and say nothing when they are done
    page.screenshot(path=file)
