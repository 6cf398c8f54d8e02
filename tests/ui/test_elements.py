"""streamlit-elements is mended once, or left alone where it cannot work."""

import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

from loyalty_core.ui import elements


@pytest.fixture(autouse=True)
def frame() -> Iterator[ModuleType]:
    """The module that is mended, as it was installed; as installed again afterwards."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape sequence in the package
        from streamlit_elements.core import frame, render  # noqa: PLC0415
    frame.render_component = render.render_component
    elements._mend.cache_clear()
    yield frame
    frame.render_component = render.render_component
    elements._mend.cache_clear()


def test_it_is_mended_once_whoever_comes_first(frame: ModuleType):
    installed = frame.render_component
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda _: elements.is_available(), range(64)))
    mended = frame.render_component
    assert mended is not installed
    assert elements.is_available()
    assert frame.render_component is mended
    assert elements._mend.cache_info().misses == 1


def test_a_frame_calls_back(frame: ModuleType, monkeypatch: pytest.MonkeyPatch):
    passed = {}
    monkeypatch.setattr(frame, "render_component", lambda *, on_change=None, **rest: passed.update(rest, on=on_change))
    assert elements.is_available()
    frame.render_component(js="[]", key="frame", default="{}")
    assert callable(passed.pop("on"))
    assert passed == {"js": "[]", "key": "frame", "default": "{}"}


def test_a_missing_package_is_logged_and_nothing_breaks(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setitem(sys.modules, "streamlit_elements.core", None)
    assert not elements.is_available()
    assert "streamlit-elements cannot be used: ModuleNotFoundError" in caplog.text


def test_components_that_take_no_on_change(
    frame: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(frame, "render_component", lambda *, js, key, default: None)
    assert not elements.is_available()
    assert "take no on_change" in caplog.text


def test_a_package_without_its_editor(
    frame: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    installed = frame.render_component
    monkeypatch.setitem(sys.modules["streamlit_elements.core.render"].ELEMENTS_FRONTEND, "path", tmp_path)
    assert not elements.is_available()
    assert "monaco/vs/loader.js" in caplog.text
    assert frame.render_component is installed
