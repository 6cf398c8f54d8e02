"""Screens, run without a browser."""

import gc
import re
from pathlib import Path
from typing import Protocol

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest, app_test

from loyalty_core.ui.navigation import Screen
from tests.workbench import ROOT, Configure


class OpenScreen(Protocol):
    """Opens a screen as a link with these query parameters would."""

    def __call__(self, screen: Screen, **parameters: str) -> AppTest: ...


class _PagesAsServed(PagesManager):
    """AppTest forgets what serve.py says about the folder pages/; it resets this class instead of the real one."""


@pytest.fixture(scope="module", autouse=True)
def collected() -> None:
    """As in serve.py: Streamlit collects garbage after every run, and with all test libraries loaded it takes long."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def open_screen(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> OpenScreen:
    """A new session on a screen; every run may take a minute, since other programs use the machine as well."""
    monkeypatch.setattr(PagesManager, "uses_pages_directory", False)
    monkeypatch.setattr(app_test, "PagesManager", _PagesAsServed)

    def open_one(screen: Screen, **parameters: str) -> AppTest:
        app = AppTest.from_file(ROOT / "app.py", default_timeout=60)
        if Path(screen.file).stem != screen.path:
            app.run()  # before its first run, AppTest knows a page by the name of its file alone
        app.query_params.update(parameters)
        return app.switch_page(f"pages/{screen.file}").run()

    return open_one


def texts_of(app: AppTest) -> list[str]:
    """Every line as a person reads it."""
    return [plain(element.value) for element in (*app.markdown, *app.caption)]


def plain(text: str) -> str:
    """A text without the escapes of Markdown and the directives that prevent links."""
    without_directives = re.sub(r':color\[(.*?)\]\{foreground="inherit"\}', r"\1", text)
    return re.sub(r"\\(.)", r"\1", without_directives)
