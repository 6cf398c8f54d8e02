"""The JSON editor in a real chromium: what is typed arrives and stays, and nothing is asked of another machine."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.browser.json_editor_page import FIRST
from tests.browser.pages import DESKTOP, PATIENCE_MS, complaint, take_picture, wait_until_drawn
from tests.servers import ServerProcess, free_port
from tests.workbench import ROOT, clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.browser, pytest.mark.extended]

PAGE = Path(__file__).with_name("json_editor_page.py")
WITHOUT_ELEMENTS = "import sys\nsys.modules['streamlit_elements'] = None\n"
# Chromium asks it about form fields, whatever page it shows.
OF_CHROMIUM_ITSELF = "content-autofill.googleapis.com:443"
FRAME = "streamlit_elements.core.frame.elements_frame"
NEW = {">": [{"var": "visits"}, 5]}


class Outside:
    """The way to every other machine: a proxy that lets nothing through and keeps what was asked for."""

    def __init__(self) -> None:
        self._asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        Thread(target=self._listen, daemon=True).start()

    @property
    def asked(self) -> list[str]:
        return [line for line in self._asked if OF_CHROMIUM_ITSELF not in line]

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self._asked.append(connection.recv(4096).decode(errors="replace").partition("\r\n")[0])


@pytest.fixture
def outside() -> Iterator[Outside]:
    """Sees what pages, frames and workers ask of other machines."""
    outside = Outside()
    yield outside
    outside.close()


@pytest.fixture(scope="module")
def page_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page with the editor, served."""
    with _served(PAGE.read_text(), tmp_path_factory.mktemp("editor")) as url:
        yield url


@pytest.fixture(scope="module")
def plain_page_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same where streamlit-elements is not installed."""
    with _served(WITHOUT_ELEMENTS + PAGE.read_text(), tmp_path_factory.mktemp("plain")) as url:
        yield url


class OpenEditor(Protocol):
    """Opens the page with the editor in a new window."""

    def __call__(self, url: str, *, dark: bool = False) -> Page: ...


@pytest.fixture
def open_editor(browser: Browser, outside: Outside) -> Iterator[OpenEditor]:
    """Afterwards no page may have logged an error, and nothing may have been asked of another machine."""
    faults: list[str] = []
    contexts = []

    def open_one(url: str, *, dark: bool = False) -> Page:
        proxy: Any = {"server": outside.address, "bypass": "127.0.0.1"}
        context = browser.new_context(viewport=DESKTOP, color_scheme="dark" if dark else "light", proxy=proxy)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: faults.extend(complaint(message)))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(url)
        wait_until_drawn(page)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert outside.asked == []
    assert faults == []


@contextmanager
def _served(script: str, folder: Path) -> Iterator[str]:
    shutil.copytree(ROOT / ".streamlit", folder / ".streamlit")
    (folder / "page.py").write_text(script)
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "page.py", "--server.port", str(port)]
    environment = clean_environment() | {"PYTHONPATH": str(ROOT)}
    server = ServerProcess(command, folder=folder, stop_signal=signal.SIGTERM, env=environment)
    url = f"http://127.0.0.1:{port}"
    server.wait_until(lambda: _answers(url))
    yield url
    server.stop()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def _editor(page: Page) -> FrameLocator:
    frame = page.frame_locator("iframe")
    expect(frame.locator(".view-line").first).to_be_visible()
    return frame


def _write(page: Page, text: str) -> None:
    """Type a text in place of what is in the editor, key by key."""
    _editor(page).locator(".view-line").first.click()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.type(text)


def _replace(page: Page, text: str) -> None:
    """Put a text in place of what is in the editor as one change: a slow machine pauses between two keys.

    Monaco would add a closing bracket to one that opens.
    """
    _editor(page).locator(".view-line").first.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


def _send(page: Page, value: dict[str, Any]) -> None:
    """Send from the editor's frame what its script would."""
    frame = page.locator("iframe").element_handle().content_frame()
    message = {"isStreamlitMessage": True, "type": "streamlit:setComponentValue", "dataType": "json"}
    frame.evaluate("message => window.parent.postMessage(message, '*')", message | {"value": json.dumps(value)})


def _expect_taken(page: Page, text: str, *, times: int | None = None) -> None:
    expect(page.get_by_test_id("stCode")).to_have_text(text)
    if times is not None:
        expect(page.get_by_test_id("stText")).to_have_text(f"Taken {times}")


def _expect_in_editor(page: Page, text: str) -> None:
    shown = _editor(page).locator(".view-lines")
    expect(shown).to_have_text(text.replace("\n", ""), use_inner_text=False)


def test_what_is_typed_arrives_after_a_pause(page_url: str, open_editor: OpenEditor):
    page = open_editor(page_url)
    assert json.loads(page.get_by_test_id("stCode").inner_text()) == FIRST
    _write(page, json.dumps(NEW))
    _expect_taken(page, json.dumps(NEW))


@pytest.mark.slow
def test_the_cursor_stays_when_the_page_runs_again(page_url: str, open_editor: OpenEditor):
    page = open_editor(page_url)
    _write(page, "[1, 2")
    _expect_taken(page, "[1, 2]")
    page.keyboard.type("2, 3")
    _expect_taken(page, "[1, 22, 3]")


def test_what_was_just_typed_is_not_lost_on_leaving(page_url: str, open_editor: OpenEditor):
    page = open_editor(page_url)
    _write(page, "[7]")
    page.get_by_text("Run again").click()
    _expect_taken(page, "[7]")
    _expect_in_editor(page, "[7]")


@pytest.mark.slow
def test_a_text_from_elsewhere_replaces_the_one_in_the_editor_every_time(page_url: str, open_editor: OpenEditor):
    page = open_editor(page_url)
    for written in ("[8]", "[9]"):
        _write(page, written)
        _expect_taken(page, written)
        page.get_by_text("Restore").click()
        _expect_taken(page, '{"restored": 1}')
        _expect_in_editor(page, '{"restored":\xa01}')


@pytest.mark.slow
def test_what_was_written_in_a_replaced_text_comes_too_late(page_url: str, open_editor: OpenEditor):
    page = open_editor(page_url)
    page.get_by_text("Restore").click()
    _expect_in_editor(page, '{"restored":\xa01}')
    _send(page, {f"{FRAME}.rule00000001": {"text": "[late]", "path": "/0.json"}})
    _replace(page, "2")
    _expect_taken(page, "2", times=1)


@pytest.mark.slow
def test_an_edit_outlasts_the_editor(page_url: str, open_editor: OpenEditor):
    page = open_editor(page_url)
    _replace(page, "5")
    _expect_taken(page, "5", times=1)
    for editors in (0, 1):
        page.get_by_test_id("stCheckbox").click()
        expect(page.locator("iframe")).to_have_count(editors)
    _expect_in_editor(page, "5")
    _replace(page, "6")
    _expect_in_editor(page, "6")
    _expect_taken(page, "6", times=2)


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.slow
def test_faults_stand_below_with_their_lines(page_url: str, open_editor: OpenEditor, artifacts: Path, look: str):
    page = open_editor(page_url, dark=look == "dark")
    page.get_by_text("Misspell").click()
    fault = page.get_by_test_id("stAlert")
    expect(fault).to_contain_text("Line 14, $.and[1].==[0].var")
    expect(fault).to_contain_text("There is no column *agee*. Did you mean age?")
    _editor(page)
    take_picture(page, artifacts / f"json-editor-{look}.png")


def test_a_text_that_is_not_json_says_where(page_url: str, open_editor: OpenEditor):
    page = open_editor(page_url)
    _write(page, '{"$schema": "https://schemas.example/rule.json", "and" []}')
    expect(page.get_by_test_id("stAlert")).to_contain_text("The text is not JSON at line 1, column 56")


@pytest.mark.slow
def test_without_streamlit_elements_it_is_a_text_area(plain_page_url: str, open_editor: OpenEditor):
    page = open_editor(plain_page_url)
    page.get_by_label("Rule as JSON").fill(json.dumps(NEW))
    page.get_by_role("button", name="Apply").click()
    _expect_taken(page, json.dumps(NEW), times=1)
    expect(page.locator("iframe")).to_have_count(0)
    page.get_by_text("Restore").click()
    expect(page.get_by_label("Rule as JSON")).to_have_value('{"restored": 1}')


def test_a_browser_that_cannot_draw_the_editor_gets_a_text_area(page_url: str, open_editor: OpenEditor):
    page = open_editor(page_url)
    _replace(page, "3")
    _expect_taken(page, "3", times=1)
    # What the frame sends when its script fails.
    _send(page, {"error": "ChunkLoadError"})
    expect(page.get_by_label("Rule as JSON")).to_have_value("3")
    page.get_by_label("Rule as JSON").fill("[4]")
    page.get_by_role("button", name="Apply").click()
    _expect_taken(page, "[4]", times=2)


def test_the_proxy_sees_what_a_page_asks_of_another_machine(page_url: str, browser: Browser, outside: Outside):
    context = browser.new_context(proxy={"server": outside.address, "bypass": "127.0.0.1"})
    page = context.new_page()
    page.goto(page_url)
    page.evaluate("fetch('https://cdn.example/monaco').catch(() => null)")
    assert any("cdn.example" in line for line in outside.asked)
    context.close()
