"""The list of fields beside the rule builder."""

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from loyalty_core.services import get_services
from loyalty_core.ui.segments.editor.fields_panel import fits
from loyalty_core.warehouse import Column
from loyalty_core.warehouse.dialects.duckdb import DuckDB
from tests.workbench import Configure


def _page() -> None:
    from loyalty_core.services import get_services  # noqa: PLC0415
    from loyalty_core.ui.segments.editor.fields_panel import draw_fields  # noqa: PLC0415

    draw_fields(get_services().segmentation.read_fields(), lambda column: None)


def details(field: str) -> list[str]:
    """What is said of a field once its name in the list was clicked."""
    app = AppTest.from_function(_page, default_timeout=120).run()
    row = list(app.dataframe[0].value["field"]).index(field)
    app.session_state["field-list"] = {"selection": {"rows": [], "columns": [], "cells": [(row, "field")]}}
    app.run()
    assert not app.exception
    return [caption.value for caption in app.caption]


def test_an_estimate_is_marked_as_one(
    monkeypatch: pytest.MonkeyPatch, demo_warehouse: Path, tmp_path: Path, demo_settings: Configure
):
    copied = shutil.copy(demo_warehouse, tmp_path / "warehouse.duckdb")  # the catalog of the original is shared
    demo_settings(dwh_url=f"duckdb:///{copied}")
    assert not any("≈" in text for text in details("Customer tier")), "DuckDB counts, and estimates nothing"
    monkeypatch.setattr(DuckDB, "different_values", lambda _, column: sa.func.approx_count_distinct(column))

    get_services().warehouse.forget()
    assert "≈ 4 different values." in details("Customer tier")


@pytest.mark.parametrize(("text", "is_found"), [("UPLIFT", True), (" contacted", True), ("tier", False)])
def test_a_field_is_found_by_its_description_too(text: str, is_found: bool):
    field = Column("p_if_not", "number", "Predictions", "Conversion if not contacted", "By the uplift model.")
    assert fits(field, text, None) is is_found
    assert not fits(field, text, "Other")
