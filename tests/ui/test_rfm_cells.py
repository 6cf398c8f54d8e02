"""The tab Cells: own segments on the grid and as rules, own cut points, saving them and going back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.rfm import CellRule, RfmMap, Scores, apply_rule
from loyalty_core.rfm.cells import CELL_NAMES
from loyalty_core.services import get_services
from loyalty_core.ui.navigation import CUSTOMERS, RFM
from tests.fixtures.screens import OpenScreen, texts_of

if TYPE_CHECKING:
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

    from tests.workbench import Configure, Query


BEST = (Scores(5, 5), Scores(4, 5), Scores(5, 5))


@pytest.fixture
def cells(demo_settings: Configure, predictions_file: Path, open_screen: OpenScreen) -> AppTest:
    """The tab on the scored demo."""
    demo_settings(predictions_file=predictions_file, ml_mock_mode=True)
    return open_screen(RFM, view="Cells")


def text_of(app: AppTest) -> str:
    return " ".join([*texts_of(app), *(warning.value.replace("\\", "") for warning in app.warning)])


def choose(app: AppTest, recency: tuple[int, int], frequency: tuple[int, int], monetary: tuple[int, int]) -> None:
    for measure, scores in (("recency", recency), ("frequency", frequency), ("monetary", monetary)):
        app.slider(key=f"rfm-range-{measure}").set_value(scores)
    app.run()


def paint(app: AppTest, name: str) -> None:
    # AppTest cannot type a new name; the browser test does.
    app.selectbox(key="rfm-name").set_value(name).run()
    app.button(key="rfm-paint").click().run()
    assert not app.exception


def grid(app: AppTest) -> dict[tuple[int, int], str]:
    trace = json.loads(app.get("plotly_chart")[0].proto.spec)["data"][0]
    return {tuple(place): text for place, text in zip(trace["customdata"], trace["text"], strict=True)}


def test_the_grid_has_the_names_in_use(cells: AppTest):
    assert not cells.exception
    assert "In use: the built-in cells, without custom cut points." in text_of(cells)
    assert "All 125 cells have exactly one segment." in text_of(cells)
    assert grid(cells)[5, 1] == "New"
    assert grid(cells)[5, 5] == "Loyal 1–3<br>Champions<br>4–5"
    cells.select_slider(key="layer").set_value("5").run()
    assert grid(cells)[5, 5] == "Champions"
    assert cells.button(key="rfm-save").disabled
    assert cells.button(key="rfm-reset").disabled


def test_paint_save_and_back_to_the_defaults(cells: AppTest, sql: Query):
    choose(cells, *BEST)
    paint(cells, "Promising")
    assert grid(cells)[5, 5] == "Loyal 1–3<br>Champions 4<br>Promising 5"
    cells.button(key="rfm-save").click().run()
    assert not cells.exception
    saved = get_services().rfm_maps.current()
    assert saved is not None
    assert (saved.names, saved.version) == (apply_rule(CELL_NAMES, CellRule("Promising", *BEST)), 1)
    assert f"In use: version 1, saved by {saved.saved_by}" in text_of(cells)
    assert "change with the next scoring" in text_of(cells)
    assert cells.button(key="rfm-scoring-start").label == "Score now"
    [(customer,)] = sql(
        "SELECT customer_id FROM customers WHERE recency = 5 AND frequency = 5 AND monetary = 5 LIMIT 1"
    )
    assert get_services().inference.calculate_rfm(customer)["segment"] == "Promising"
    cells.button(key="rfm-reset").click().run()
    assert get_services().rfm_maps.current() is None
    assert get_services().inference.calculate_rfm(customer)["segment"] == "Champions"
    assert grid(cells)[5, 5] == "Loyal 1–3<br>Champions<br>4–5"
    cells.button(key="rfm-version-1").click().run()
    assert grid(cells)[5, 5] == "Loyal 1–3<br>Champions 4<br>Promising 5"


def test_texts_of_a_segment_of_ones_own(cells: AppTest, open_screen: OpenScreen, sql: Query):
    get_services().rfm_maps.save(
        RfmMap(apply_rule(CELL_NAMES, CellRule("Whales", *BEST))), actor="ann", expected_version=0
    )
    app = open_screen(RFM, view="Cells")
    next(one for one in app.text_input if one.label == "What to do").set_value("Call *them*.").run()
    app.button(key="rfm-save").click().run()
    saved = get_services().rfm_maps.current()
    assert saved is not None
    assert (saved.version, saved.details("Whales").advice) == (2, "Call *them*.")
    [(customer,)] = sql(
        "SELECT customer_id FROM customers WHERE recency = 5 AND frequency = 5 AND monetary = 5 LIMIT 1"
    )
    app = open_screen(CUSTOMERS, customer_id=customer)
    assert "Whales" in [metric.value for metric in app.metric]
    assert {"A custom segment.", "- Call *them*."} <= set(texts_of(app))


def test_a_text_over_the_limit_stays_and_cannot_be_saved(cells: AppTest, open_screen: OpenScreen):
    get_services().rfm_maps.save(
        RfmMap(apply_rule(CELL_NAMES, CellRule("Whales", *BEST))), actor="ann", expected_version=0
    )
    app = open_screen(RFM, view="Cells")
    advice = next(one for one in app.text_input if one.label == "What to do")
    assert advice.proto.max_chars == 0, "the browser would drop a longer text that is pasted"
    advice.set_value("x" * 401).run()
    assert next(one for one in app.text_input if one.label == "What to do").value == "x" * 401
    assert ":red[Use at most 400 characters; this has 401.]" in texts_of(app)
    assert "It cannot be saved yet. The advice is too long." in text_of(app)
    assert app.button(key="rfm-save").disabled


def test_rules_are_checked_before_they_can_be_saved(cells: AppTest):
    way = next(control for control in cells.segmented_control if control.label == "Method")
    way.set_value("rules").run()
    assert "0 of 125 cells have a segment." in text_of(cells)
    assert cells.button(key="rfm-save").disabled
    choose(cells, (1, 3), (1, 5), (1, 5))
    paint(cells, "Lost")
    assert "75 of 125 cells have a segment. Without one: 4-1-1, 4-1-2, 4-1-3 and 47 more." in text_of(cells)
    assert grid(cells)[5, 5] == "⚠ no name"
    choose(cells, (3, 5), (1, 5), (1, 5))
    paint(cells, "Champions")
    assert (
        "25 cells are claimed by several segments: 3-1-1, 3-1-2, 3-1-3 and 22 more. 3-1-1 is in Lost and in Champions."
        in (text_of(cells))
    )
    assert grid(cells)[3, 3] == "⚠ Lost /<br>Champions"
    assert "recency 1–3, frequency any, monetary any → Lost" in text_of(cells)
    assert cells.button(key="rfm-save").disabled
    cells.button(key="rfm-rule-0").click().run()
    choose(cells, (1, 2), (1, 5), (1, 5))
    paint(cells, "Lost")
    assert "All 125 cells have exactly one segment." in text_of(cells)
    cells.button(key="rfm-save").click().run()
    saved = get_services().rfm_maps.current()
    assert saved is not None
    assert saved.names == ("Lost",) * 50 + ("Champions",) * 75


def numbers(app: AppTest, measure: str) -> list[Any]:
    return [one for one in app.text_input if one.label.startswith(measure)]


def test_own_cut_points_and_who_would_change(cells: AppTest, sql: Query):
    assert all(one.disabled for one in cells.text_input if one.key.startswith("rfm-point"))
    next(one for one in cells.toggle if one.label.startswith("Custom frequency")).set_value(True).run()
    for one, value in zip(numbers(cells, "Frequency"), ("9", "2", "3", "4"), strict=True):
        one.set_value(value)
    cells.run()
    assert "must ascend" in text_of(cells)
    assert cells.button(key="rfm-save").disabled
    numbers(cells, "Frequency")[0].set_value("1,5").run()
    assert "“1,5” is not a number" in text_of(cells)
    assert cells.button(key="rfm-save").disabled
    numbers(cells, "Frequency")[0].set_value("1").run()
    cells.button(key="rfm-preview").click().run()
    ladder = " + ".join(f"(coalesce(transaction_count, 0) > {point})::int" for point in (1, 2, 3, 4))
    [(changed,)] = sql(f"SELECT count(*) FROM customers WHERE frequency <> 1 + {ladder}")
    assert changed > 100
    assert f"Of 2,000 customers, {changed:,} would have another score and " in text_of(cells)
    table = cells.dataframe[0].value
    before = dict(sql("SELECT rfm_segment, count(*) FROM customers GROUP BY 1"))
    assert {name: n for name, n in zip(table["Segment"], table["Now"], strict=True) if n} == before
    assert table["Change"].sum() == 0
    cells.button(key="rfm-save").click().run()
    saved = get_services().rfm_maps.current()
    assert saved is not None
    assert saved.cut_points == {"frequency": (1.0, 2.0, 3.0, 4.0)}
    assert [one.value for one in numbers(cells, "Frequency")] == ["1", "2", "3", "4"]
    assert not any(one.disabled for one in numbers(cells, "Frequency"))
    assert "custom cut points for frequency" in text_of(cells)


def test_the_second_of_two_saves_is_refused(cells: AppTest):
    choose(cells, *BEST)
    paint(cells, "Promising")
    get_services().rfm_maps.save(RfmMap(("One",) * 125), actor="bob", expected_version=0)
    cells.button(key="rfm-save").click().run()
    assert "bob saved version 1" in " ".join(error.value for error in cells.error).replace("\\", "")
    cells.run()
    assert "bob has saved version 1 since you began." in text_of(cells)
    cells.button(key="rfm-load-newest").click().run()
    assert set(grid(cells).values()) == {"One"}


def test_the_saved_numbers_win_over_the_settings(
    demo_settings: Configure, predictions_file: Path, open_screen: OpenScreen
):
    demo_settings(predictions_file=predictions_file, ml_mock_mode=True, rfm_cut_points='{"recency": [1, 2, 3, 4]}')
    app = open_screen(RFM, view="Cells")
    assert "RFM_CUT_POINTS sets those of recency; cut points saved here take precedence." in text_of(app)
    assert [one.value for one in numbers(app, "Recency")] == ["1", "2", "3", "4"]
