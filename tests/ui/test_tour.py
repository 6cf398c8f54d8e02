"""The tour of three steps is there for whoever is new, until they dismiss it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loyalty_core.access import Viewer
from loyalty_core.ui.navigation import OVERVIEW
from tests.fixtures.screens import texts_of

if TYPE_CHECKING:
    from tests.fixtures.screens import OpenScreen

CONNECTED_BY_AN_ADMIN = "An admin connects your own file or database on the page “Connect data”."


@pytest.mark.usefixtures("demo_settings")
def test_the_tour_is_dismissed_by_each_viewer(open_screen: OpenScreen, monkeypatch: pytest.MonkeyPatch):
    def seen_by(name: str, role: str) -> None:
        viewer = Viewer(name, frozenset({role}), place="127.0.0.1")
        monkeypatch.setattr("loyalty_core.ui.sign_in.session_viewer", lambda: viewer)

    seen_by("anna", "admin")
    app = open_screen(OVERVIEW)
    assert CONNECTED_BY_AN_ADMIN not in texts_of(app)
    app.button(key="tour-dismiss").click().run()
    for anew in (app, open_screen(OVERVIEW)):
        assert "tour-dismiss" not in {button.key for button in anew.button}
    seen_by("ben", "viewer")
    app = open_screen(OVERVIEW)
    assert CONNECTED_BY_AN_ADMIN in texts_of(app)
    assert "tour-segment" not in {button.key for button in app.button}
