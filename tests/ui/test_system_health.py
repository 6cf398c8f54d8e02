"""System health as a screen: a verdict, a line for each check, and what to do."""

import re
from pathlib import Path

import pytest

from loyalty_core.health import check_health
from loyalty_core.services import get_services
from loyalty_core.ui.navigation import SYSTEM_HEALTH
from tests.fixtures.screens import OpenScreen, texts_of
from tests.workbench import Configure


def test_every_check_is_a_line(demo_settings: Configure, open_screen: OpenScreen):
    app = open_screen(SYSTEM_HEALTH)
    texts = texts_of(app)
    for check in check_health(get_services()):
        if "answered in" not in check.detail:  # a time differs from run to run
            assert check.detail in texts, check.name
        if check.remedy:
            assert f"**What to do:** {check.remedy}" in texts
    assert not app.error
    assert not app.exception


def test_the_local_warehouse_says_where_it_comes_from(demo_settings: Configure, open_screen: OpenScreen):
    app = open_screen(SYSTEM_HEALTH)
    assert "Local warehouse" in [heading.value for heading in app.subheader]
    assert {"demo", "1 Nov 2026", "2,000"} <= set(texts_of(app))


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [
        ({"ml_mock_mode": True}, r"Works, but 1 of \d+ checks needs attention\."),
        ({"ml_mock_mode": True, "redis_url": "redis://127.0.0.1:1"}, r"Works, but 2 of \d+ checks need attention\."),
    ],
)
def test_a_warning_does_not_stop_the_work(
    demo_settings: Configure, open_screen: OpenScreen, settings: dict[str, object], verdict: str
):
    demo_settings(**settings)
    app = open_screen(SYSTEM_HEALTH)
    assert re.fullmatch(verdict, app.warning[0].value)


def test_a_fault_is_counted_and_gone_after_check_again(
    demo_settings: Configure, open_screen: OpenScreen, demo_warehouse: Path, tmp_path: Path
):
    later = tmp_path / "later.duckdb"
    demo_settings(dwh_url=f"duckdb:///{later}", ml_mock_mode=True)
    app = open_screen(SYSTEM_HEALTH)
    assert re.fullmatch(r"2 of \d+ checks fail\.", app.error[0].value)
    assert any("later.duckdb does not exist" in text for text in texts_of(app))
    later.symlink_to(demo_warehouse)
    app.button[0].click().run()
    assert not app.error
    assert "customer_features_view: 40 columns; customers: 2,000." in texts_of(app)
