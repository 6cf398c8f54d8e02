"""streamlit-elements has its callbacks connected once, or is left alone where it cannot work."""

import importlib
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def frame() -> Iterator[ModuleType]:
    """The package's module that is changed, as it was installed; restored afterwards."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape sequence in the package
        from streamlit_elements.core import frame, render  # noqa: PLC0415
    connected, frame.render_component = frame.render_component, render.render_component
    yield frame
    frame.render_component = connected


@pytest.fixture
def availability(frame: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Our module as a new process loads it."""
    monkeypatch.delitem(sys.modules, "loyalty_core.ui.elements.availability", raising=False)
    return importlib.import_module("loyalty_core.ui.elements.availability")


def test_callbacks_are_connected_once_however_many_threads_ask(availability: ModuleType, frame: ModuleType):
    installed = frame.render_component
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda _: availability.is_available(), range(64)))
    connected = frame.render_component
    assert connected is not installed
    assert availability.is_available()
    assert frame.render_component is connected


def test_a_frame_calls_back(availability: ModuleType, frame: ModuleType, monkeypatch: pytest.MonkeyPatch):
    passed = {}
    monkeypatch.setattr(frame, "render_component", lambda *, on_change=None, **rest: passed.update(rest, on=on_change))
    assert availability.is_available()
    frame.render_component(js="[]", key="frame", default="{}")
    assert callable(passed.pop("on"))
    assert passed == {"js": "[]", "key": "frame", "default": "{}"}


def test_a_missing_package_is_logged_and_nothing_breaks(
    availability: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setitem(sys.modules, "streamlit_elements.core", None)
    assert not availability.is_available()
    assert "streamlit-elements cannot be used: ModuleNotFoundError" in caplog.text


def test_components_that_take_no_on_change(
    availability: ModuleType, frame: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(frame, "render_component", lambda *, js, key, default: None)
    assert not availability.is_available()
    assert "take no on_change" in caplog.text


def test_a_package_without_its_editor(
    availability: ModuleType,
    frame: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
):
    installed = frame.render_component
    monkeypatch.setitem(sys.modules["streamlit_elements.core.render"].ELEMENTS_FRONTEND, "path", tmp_path)
    assert not availability.is_available()
    assert "monaco/vs/loader.js" in caplog.text
    assert frame.render_component is installed
