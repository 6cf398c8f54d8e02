"""The page of interactive documentation: drawn from files of this machine, and able to send a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.pages import DESKTOP, PATIENCE_MS, PHONE, complaint, foreign
from tests.workbench import API

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.workbench import Served

pytestmark = pytest.mark.extended


def test_a_request_is_sent_from_the_page(browser: Browser, served: Served) -> None:
    faults: list[str] = []
    context = browser.new_context(viewport=DESKTOP, color_scheme="dark")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.on("console", lambda message: faults.extend(complaint(message)))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: faults.extend(foreign(request.url, served.port)))
    page.goto(f"{served.url}{API}/docs/")
    operation = page.locator("#operations-Predictions-predict_churn")
    operation.locator(".opblock-summary-control").click()
    operation.locator(".try-out__btn").click()
    operation.locator(".execute").click()
    answer = operation.locator(".live-responses-table")
    answer.wait_for()
    assert '"churn_probability"' in answer.inner_text()
    assert "dark-mode" in (page.locator("html").get_attribute("class") or "")
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    context.close()
    assert faults == []
