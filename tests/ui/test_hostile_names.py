"""Names from the data and from people are shown as they are on every screen, whatever Markdown or HTML is in them."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from loyalty_core.analytics.offers import OfferTerms, Policy
from loyalty_core.ml.bundles import activate, write_bundle
from loyalty_core.ml.scoring import score_base
from loyalty_core.rfm import CellRule, RfmMap, Scores, SegmentText, apply_rule
from loyalty_core.rfm.cells import CELL_NAMES
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import get_services
from loyalty_core.settings import get_settings
from loyalty_core.ui.navigation import (
    CHURN,
    CUSTOMERS,
    OFFERS,
    OVERVIEW,
    RFM,
    SEGMENTS,
    SYSTEM_HEALTH,
    TRAINING,
    Screen,
)
from loyalty_core.ui.segments.address import encode_rule
from tests.ml.fixtures import bundle_parts
from tests.workbench import GUIDE_CUSTOMER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

    from tests.fixtures.screens import OpenScreen
    from tests.workbench import Configure

NAME = "*a* <b>b</b> [c](http://d.e) :red[f] $g$ h@i.jk"
RULE = {"and": [{">": [{"var": NAME}, 100]}, {"==": [{"var": "customer_tier"}, f"Gold {NAME}"]}]}
POLICY = "a-b-b-b-c-http-d-e-red-f-g-h-i-jk"
# The parts of the name that Markdown would change: each is escaped, the sign of the address with a directive.
RENDERED = re.compile(r"(?<!\\)\*a\*|(?<!\\)<b>|(?<!\\)\[c\]|(?<!\\):red\[f|(?<!\\)\$g|h@i")
# Fields of Streamlit's messages that are shown without Markdown, and those that a person does not see.
PLAIN = {
    "alt", "args_json", "columns", "cssClass", "default", "element_id", "figure", "form_id", "id", "json_args",
    "language", "page_script_hash", "placeholder", "query_string", "raw_value", "set_value", "spec", "url",
    "value_json",
}  # fmt: skip
PLAIN_IN = {
    "Selectbox": {"options", "default", "raw_value"},
    "MultiSelect": {"options", "default", "raw_values"},
    "TextInput": {"value", "default"},
    "TextArea": {"value", "default"},
    "Code": {"code_text"},
    "Json": {"body"},
}
OPENED: list[tuple[Screen, dict[str, str]]] = [
    (OVERVIEW, {"plain": "true"}),
    (CUSTOMERS, {"q": "a"}),
    (CUSTOMERS, {"customer_id": GUIDE_CUSTOMER}),
    *((CHURN, {"view": view, "scope": NAME}) for view in ("Budget", "Customers", "Drivers and groups")),
    *((OFFERS, {"view": view, "policy": POLICY}) for view in ("Offers", "Arbitration")),
    (OFFERS, {"view": "One customer", "customer_id": GUIDE_CUSTOMER}),
    *((RFM, {"view": view}) for view in ("Grid", "Segments", "Movement", "Cut points", "Cells")),
    *((TRAINING, {"view": view}) for view in ("Train", "Versions", "Monitoring", "A/B test")),
    (SYSTEM_HEALTH, {}),
    (SEGMENTS, {}),
    *((SEGMENTS, {"tab": tab}) for tab in ("Rule", "Members", "Profile", "Overlap", "Why?", "Sizes", "Versions")),
    (SEGMENTS, {"edit": "1", "rule": encode_rule(RULE)}),
]


@pytest.fixture
def segment(configure: Configure, demo_warehouse: Path, tmp_path: Path) -> str:
    """The demo, scored, where everything that has a name has this one; returns the segment of that name."""
    file = tmp_path / "warehouse.duckdb"
    shutil.copy(demo_warehouse, file)
    with duckdb.connect(str(file)) as connection:
        connection.execute("ALTER VIEW customer_features_view RENAME TO features_before")
        connection.execute(
            f"CREATE VIEW customer_features_view AS SELECT * REPLACE (full_name || ' {NAME}' AS full_name, "
            f"customer_tier || ' {NAME}' AS customer_tier, region || ' {NAME}' AS region), "
            f'total_revenue AS "{NAME}", city AS "kind {NAME}" FROM features_before'
        )
        connection.execute(f"UPDATE offers SET name = name || ' {NAME}'")
    configure(dwh_url=f"duckdb:///{file}", local_user=NAME, predictions_file=tmp_path / "predictions.parquet")
    services = get_services()
    services.prepare_store()
    models_dir = get_settings().models_dir
    activate(models_dir, write_bundle(models_dir, bundle_parts()), NAME)
    best = (Scores(5, 5), Scores(4, 5), Scores(1, 5))
    services.rfm_maps.save(
        RfmMap(apply_rule(CELL_NAMES, CellRule(NAME, *best)), texts={NAME: SegmentText(NAME, NAME)}),
        actor=NAME,
        expected_version=0,
    )
    for _ in range(2):
        score_base(services.warehouse, services.inference.models())
    services.policies.save(NAME, Policy({one: OfferTerms(lever=2.0, rule=RULE) for one in range(1, 9)}), actor=NAME)
    found = services.segmentation.create(SegmentDraft(NAME, RULE, NAME, (NAME,)), actor=NAME)
    services.segmentation.create(SegmentDraft("Others", {"!": {"var": f"segment:{found.id}"}}), actor=NAME)
    services.segmentation.refresh(found.id)
    return found.id


def texts_in(message: Any) -> Iterator[tuple[str, str]]:
    """Every text of a message that Streamlit shows as Markdown, with the name of its field."""
    kind = message.DESCRIPTOR.name
    for field, value in message.ListFields():
        if field.name in PLAIN | PLAIN_IN.get(kind, set()):
            continue
        for one in value if field.is_repeated else [value]:
            if isinstance(one, str):
                yield f"{kind}.{field.name}", one
            elif hasattr(one, "DESCRIPTOR"):
                yield from texts_in(one)


def markdown_of(app: AppTest) -> Iterator[tuple[str, str]]:
    for root in (app.main, app.sidebar):
        for part in root:
            if getattr(part, "proto", None) is not None:
                yield from texts_in(part.proto)


def rendered(app: AppTest) -> list[str]:
    """What would be shown in another way than it is written."""
    found = [f"{field}: {text}" for field, text in markdown_of(app) if RENDERED.search(text)]
    for chart in app.get("plotly_chart"):
        found += [f"chart: {text}" for text in re.findall(r'"[^"]*<b>b[^"]*"', chart.proto.spec)]
    for table in app.table:
        found += [f"table: {text}" for text in map(str, table.value.to_numpy().ravel()) if RENDERED.search(text)]
    return found


def test_names_are_shown_as_they_are_on_every_screen(segment: str, open_screen: OpenScreen):
    named = 0
    for screen, parameters in OPENED:
        given = {"segment": segment} | parameters if "tab" in parameters else parameters
        app = open_screen(screen, **given)
        assert not app.exception, given
        assert not [error.value for error in app.error if "Something went wrong" in error.value], given
        assert rendered(app) == [], given
        named += any("\\<b\\>" in text for _, text in markdown_of(app))
    assert named > 15


def test_the_check_finds_what_would_be_rendered(segment: str, open_screen: OpenScreen, monkeypatch: pytest.MonkeyPatch):
    from loyalty_core.ui.segments.detail import view  # noqa: PLC0415

    monkeypatch.setattr(view, "escape", lambda text, **_: text)
    found = rendered(open_screen(SEGMENTS, segment=segment))
    assert any(text.startswith("Heading.body") for text in found), json.dumps(found)
