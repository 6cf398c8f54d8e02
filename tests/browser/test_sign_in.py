"""Signing in and out with a real identity provider: what a person may do begins and ends at once, everywhere."""

from __future__ import annotations

import json
import tempfile
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from loyalty_core.access import process_acts_as, terminal_viewer
from loyalty_core.accounts import People
from loyalty_core.store import StateStore
from tests.browser.pages import DESKTOP, PATIENCE_MS, heading, wait_until_drawn
from tests.servers import free_port
from tests.waiting import wait_until
from tests.workbench import API, Served, start_serving

if TYPE_CHECKING:
    from collections.abc import Iterator

EMAIL = "anna@example.com"
SECRETS = """
[auth]
redirect_uri = "{url}/oauth2callback"
cookie_secret = "of this test alone, long enough to sign"
client_id = "workbench"
client_secret = "secret"
server_metadata_url = "http://127.0.0.1:{port}/.well-known/openid-configuration"
"""


@contextmanager
def served_with_sign_in(warehouse: Path) -> Iterator[Served]:
    # Loaded by the test alone, rather than by every process that collects it: half a second.
    from oidc_provider_mock import User, run_server_in_thread  # noqa: PLC0415

    anna = User(sub="1", claims={"email": EMAIL, "email_verified": True, "name": "Anna Berg"})
    with run_server_in_thread(user_claims=[anna]) as provider:
        app = Served(free_port(), Path(tempfile.mkdtemp(prefix="loyalty-app-")))
        (app.folder / ".streamlit").mkdir()
        secrets = SECRETS.format(url=app.url, port=provider.server_port)
        (app.folder / ".streamlit" / "secrets.toml").write_text(secrets)
        settings = {"DWH_URL": f"duckdb:///{warehouse}", "ML_MOCK_MODE": "true", "SIGN_IN": "openid"}
        process = start_serving(app, settings)
        try:
            yield app
        finally:
            process.stop()


def sign_in(page: Page) -> None:
    page.get_by_role("button", name="Sign in").click()
    page.locator("input[name=sub]").fill("1")
    page.get_by_role("button", name="Authorize").click()


def status(app: Served, cookie: str) -> int:
    request = urllib.request.Request(f"{app.url}{API}/segments/", headers={"Cookie": f"_streamlit_user={cookie}"})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            json.load(answer)
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def cookie_of(context: BrowserContext) -> str:
    return next(cookie["value"] for cookie in context.cookies() if cookie["name"] == "_streamlit_user")


# The provider runs in this process, and its libraries use what they will drop.
@pytest.mark.filterwarnings("default")
def test_signing_in_and_out_and_a_role_that_is_withdrawn(browser: Browser, demo_warehouse: Path):
    with (
        served_with_sign_in(demo_warehouse) as app,
        StateStore(f"sqlite:///{app.folder / 'state.db'}", timeout_seconds=60) as store,
        process_acts_as(terminal_viewer()),
    ):
        people = People(store)
        context = browser.new_context(viewport=DESKTOP)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{app.url}/segments?find=gold")  # a link, to which signing in leads back
        sign_in(page)
        expect(page.get_by_text("but you have no role yet")).to_be_visible()
        expect(page).to_have_url(f"{app.url}/segments?find=gold")
        first = cookie_of(context)
        assert status(app, first) == 403

        people.grant(EMAIL, "viewer")  # by another process, which the app notices within a second
        wait_until(lambda: status(app, first) == 200)
        page.goto(f"{app.url}/segments")
        heading(page, "Segments")
        expect(page.get_by_text("Anna Berg")).to_be_visible()

        people.revoke(EMAIL, "viewer")  # in mid-session: the next click is refused
        wait_until(lambda: status(app, first) == 403)
        page.get_by_role("link", name="Customers").click()
        expect(page.get_by_text("but you have no role yet")).to_be_visible()
        expect(page.get_by_text("Look up one customer")).to_have_count(0)

        people.grant(EMAIL, "viewer")
        wait_until(lambda: status(app, first) == 200)
        page.goto(f"{app.url}/segments")
        heading(page, "Segments")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="End Session")).to_be_visible()  # the provider's own page
        page.goto(app.url)
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        assert status(app, first) == 401

        context.add_cookies([{"name": "_streamlit_user", "value": first, "url": app.url}])  # a copy of the old one
        page.goto(f"{app.url}/segments")
        wait_until_drawn(page)
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        expect(page.get_by_text("You have signed out.")).to_be_visible()
        context.close()
