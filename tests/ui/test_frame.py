"""What surrounds every screen: navigation, mode, freshness, and errors as messages."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from loyalty_core.services import get_services
from loyalty_core.ui.navigation import CUSTOMERS, OVERVIEW, SCREENS
from loyalty_core.ui.text import escape
from tests.fixtures.screens import OpenScreen
from tests.workbench import ROOT, Configure


def badges_of(app: AppTest) -> list[str]:
    return [badge.value.rpartition(": ")[2].rstrip("]") for badge in app.sidebar.markdown]


def test_every_page_is_a_screen():
    assert {screen.file for screen in SCREENS} == {file.name for file in (ROOT / "pages").glob("*.py")}
    assert len({screen.path for screen in SCREENS}) == len(SCREENS)


def test_the_demo_is_named_as_such(demo_settings: Configure, open_screen: OpenScreen):
    app = open_screen(OVERVIEW)
    assert badges_of(app) == ["Demo data"]
    assert [caption.value for caption in app.sidebar.caption] == ["Data up to 1 Nov 2026"]


def test_mock_mode_is_named_on_every_screen(demo_settings: Configure, open_screen: OpenScreen):
    demo_settings(ml_mock_mode=True)
    for screen in SCREENS:
        assert badges_of(open_screen(screen)) == ["Demo data", "Mock predictions"], screen.title


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("time_zone", "Mars", "Setting TIME_ZONE has the value 'Mars'. Allowed: an IANA time zone"),
        ("dwh_pool_size", "many", "Setting DWH_POOL_SIZE has the value 'many'. Allowed: a whole number."),
        ("dwh_url", "nosuchdb://x", "Setting DWH_URL has the value 'nosuchdb://x'."),
    ],
)
def test_a_wrong_setting_is_one_line(
    configure: Configure, open_screen: OpenScreen, name: str, value: str, message: str
):
    configure(**{name: value})
    app = open_screen(OVERVIEW)
    assert not app.exception
    assert not app.metric
    assert len(app.error) == 1
    assert app.error[0].value.startswith(f"**{escape(message)}")
    assert "\n" not in app.error[0].value


def test_a_wrong_setting_put_right_needs_no_restart(demo_settings: Configure, open_screen: OpenScreen):
    demo_settings(currency="euro")
    app = open_screen(OVERVIEW)
    demo_settings(currency="EUR")
    app.button[0].click().run()
    assert not app.error
    assert app.metric[0].value == "2,000"


def test_what_is_unexpected_is_a_reference_to_the_log(
    demo_settings: Configure,
    open_screen: OpenScreen,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    def fail(*_: object) -> None:
        raise RuntimeError("secret path /srv/x")

    monkeypatch.setattr(get_services().features, "get", fail)
    app = open_screen(CUSTOMERS, customer_id="x")
    assert not app.exception
    assert app.error[0].value.startswith("**Something went wrong on this page.**")
    assert "secret" not in app.error[0].value
    reference = app.error[0].value.split()[-1].rstrip(".")
    assert f"Unexpected error, reference {reference}" in caplog.text
    assert "secret path" in caplog.text


def test_markdown_in_data_stays_text():
    assert escape("*a* [x](y) $z$ :red[w] <b>") == r"\*a\* \[x\]\(y\) \$z\$ \:red\[w\] \<b\>"


def test_the_sidebar_says_when_there_is_no_data(configure: Configure, open_screen: OpenScreen, tmp_path: Path):
    configure(dwh_url=f"duckdb:///{tmp_path / 'missing.duckdb'}")
    app = open_screen(OVERVIEW)
    assert badges_of(app) == ["No data"]
