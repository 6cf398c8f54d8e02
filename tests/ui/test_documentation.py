"""The documentation in the app: its pages, pictures and links, and the way from an error to what to do about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from loyalty_core.errors import WarehouseUnavailable
from loyalty_core.ui.documentation import (
    Heading,
    Picture,
    error_link,
    in_app,
    page_names,
    read_page,
    remedies,
)
from loyalty_core.ui.navigation import DOCUMENTATION, OVERVIEW
from tests.fixtures.screens import texts_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures.screens import OpenScreen
    from tests.workbench import Configure


def test_every_page_is_shown_with_its_pictures_and_links_within_the_app():
    assert {"README", "troubleshooting", "workflow-guide"} <= page_names()
    for name in page_names():
        parts = read_page(name)
        first = parts[0]
        assert isinstance(first, Heading), name
        assert first.level == 1, name
        assert all(part.file.exists() for part in parts if isinstance(part, Picture)), name
        texts = "\n".join(in_app(part) for part in parts if isinstance(part, str))
        targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"^```.*?^```", "", texts, flags=re.MULTILINE | re.DOTALL))
        assert [one for one in targets if not re.match(r"#|https?:|mailto:|documentation\?page=|/api/", one)] == [], (
            name
        )


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[keys](access.md#api-keys)", "[keys](documentation?page=access#api-keys)"),
        ("[api.md](api.md#errors)", "[HTTP API](documentation?page=api#errors)"),
        ("[above](#model-not-found)", "[above](#model-not-found)"),
        ("[one route](api-reference.md#x)", "[one route](/api/loyalty/v1/docs/)"),
        ("see [the list](../CONTRIBUTING.md)", "see the list"),
    ],
)
def test_links_lead_to_pages_of_the_app(written: str, shown: str):
    assert in_app(written) == shown


def test_headings_have_the_anchors_that_links_name():
    anchors = {part.anchor for part in read_page("workflow-guide") if isinstance(part, Heading)}
    assert {"before-you-begin", "1-find-out-who-is-worth-keeping"} <= anchors


def test_an_error_leads_to_what_to_do(configure: Configure, open_screen: OpenScreen, tmp_path: Path):
    configure(dwh_url=f"duckdb:///{tmp_path / 'missing.duckdb'}")
    app = open_screen(OVERVIEW)
    link = error_link(WarehouseUnavailable.code)
    assert app.error[0].value.endswith(f"[More about this error]({link}) · [Connect data](connect)")
    parameters = dict(part.split("=") for part in link.partition("?")[2].split("&"))
    app = open_screen(DOCUMENTATION, **parameters)
    assert not app.exception
    assert app.title[0].value == "Troubleshooting"
    assert f"**What to do:** {remedies()['warehouse_unavailable'].what_to_do}." in texts_of(app)


def test_an_error_without_an_entry_has_no_link():
    assert error_link("error") == ""


def test_an_unknown_page_is_the_index(demo_settings: Configure, open_screen: OpenScreen):
    app = open_screen(DOCUMENTATION, page="../../etc/passwd", error="nothing")
    assert not app.exception
    assert app.title[0].value == "Documentation"
