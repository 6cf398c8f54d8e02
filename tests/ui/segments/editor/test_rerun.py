"""What one rerun of the editor costs: compilations, and statements for the warehouse and for the state store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loyalty_core.rules import compile_rule
from loyalty_core.segments import SegmentDraft, fields
from loyalty_core.services import get_services
from loyalty_core.ui.navigation import SEGMENTS
from loyalty_core.ui.segments.address import encode_rule
from tests.fixtures.screens import value_field
from tests.fixtures.statements import statements_of
from tests.segments.scored import segment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures.screens import OpenScreen
    from tests.workbench import Configure, Query


RICH = {"and": [{">=": [{"var": "total_revenue"}, 500]}, {">": [{"var": "churn_probability"}, 0.1]}]}


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every rule that is compiled, in that order."""
    rules: list[object] = []

    def note(rule: object, *arguments: object, **named: object) -> object:
        rules.append(rule)
        return compile_rule(rule, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(fields, "compile_rule", note)
    return rules


@pytest.mark.parametrize("saved", [False, True])
def test_a_rerun_compiles_once_and_asks_three_questions(
    demo_settings: Configure, predictions_file: Path, open_screen: OpenScreen, sql: Query, compiled: list, saved: bool
):
    demo_settings(predictions_file=predictions_file)
    services = get_services()
    parameters = {"rule": encode_rule(RICH)}
    if saved:
        parameters = {"segment": services.segmentation.create(SegmentDraft("Rich", RICH), actor="ann").id}
    app = open_screen(SEGMENTS, edit="1", **parameters)
    value_field(app).set_value("700").run()

    value_field(app).set_value("900")
    compiled.clear()
    with statements_of(services.warehouse.engine) as warehouse, statements_of(services.store.engine) as store:
        app.run()
    [(expected,)] = sql("SELECT count(*) FROM customers WHERE total_revenue >= 900 AND churn_probability > 0.1")
    assert app.metric[0].value == f"{expected:,}"
    assert len(compiled) == 1
    assert len(warehouse) == 3, warehouse  # the size, all figures, the first members
    assert len(store) == 1, store


def test_a_segment_that_the_rule_reads_is_compiled_once_too(
    demo_settings: Configure, open_screen: OpenScreen, sql: Query, compiled: list
):
    services = get_services()
    services.segmentation.create(SegmentDraft("Rich", {">": [{"var": "total_revenue"}, 800]}), actor="ann")
    app = open_screen(SEGMENTS, edit="1", rule=encode_rule(segment("rich")))
    compiled.clear()
    with statements_of(services.store.engine) as store:
        app.run()
    [(expected,)] = sql("SELECT count(*) FROM customers WHERE total_revenue > 800")
    assert app.metric[0].value == f"{expected:,}"
    assert len(store) == 1, store
    assert compiled == [segment("rich"), {">": [{"var": "total_revenue"}, 800]}]
