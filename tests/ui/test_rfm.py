"""The RFM screen: what it shows is what SQL says, and it follows its inputs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving.mock import MockModels
from loyalty_core.rfm import SEGMENTS
from loyalty_core.services import get_services
from loyalty_core.ui.navigation import RFM
from loyalty_core.ui.segments.address import decode_rule
from tests.fixtures.screens import OpenScreen, texts_of
from tests.fixtures.warehouses import DuckDBFile
from tests.ml.bases import base as varied_customers
from tests.ml.bases import fill
from tests.ml.fixtures import CONTRACT
from tests.segments.scored import keep

if TYPE_CHECKING:
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

    from tests.workbench import Configure, Query


BOUGHT = "rfm_segment <> 'No Purchases'"


@pytest.fixture
def scored(demo_settings: Configure, predictions_file: Path) -> Configure:
    """The demo with predictions of mock models."""
    demo_settings(predictions_file=predictions_file, ml_mock_mode=True)
    return demo_settings


@pytest.fixture
def scored_twice(configure: Configure, tmp_path: Path) -> None:
    """A small base that was scored before and after half of it bought again."""
    file = DuckDBFile(tmp_path / "warehouse.duckdb")
    configure(dwh_url=file.url, ml_mock_mode=True)
    get_services().prepare_store()
    fill(file, varied_customers(100))
    score()
    fill(
        file,
        [
            (row[0], 1 if place % 2 and row[1] else row[1], *row[2:])
            for place, row in enumerate(varied_customers(105)[5:])
        ],
    )
    score()


def score() -> None:
    score_base(get_services().warehouse, MockModels(dict.fromkeys(CONTRACT.names, "number")))


def metrics_of(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def figure(app: AppTest) -> Any:
    return json.loads(app.get("plotly_chart")[0].proto.spec)


def text_of(app: AppTest) -> str:
    return " ".join(texts_of(app))


def grid_in_sql(sql: Query, where: str) -> dict[tuple[int, int], tuple[int, float]]:
    rows = sql(
        f"SELECT recency, frequency, count(*), avg(total_revenue) FROM customers WHERE {BOUGHT} AND {where} "
        "GROUP BY 1, 2"
    )
    return {(recency, frequency): (customers, mean) for recency, frequency, customers, mean in rows}


@pytest.mark.parametrize(("monetary", "where"), [("All", "true"), ("4", "monetary = 4")])
def test_the_grid(scored: Configure, open_screen: OpenScreen, sql: Query, monetary: str, where: str):
    app = open_screen(RFM, monetary=monetary)
    cells = figure(app)["data"][1]
    expected = grid_in_sql(sql, where)
    assert len(cells["text"]) == 25
    for recency, frequency, text in zip(cells["x"], cells["y"], cells["text"], strict=True):
        customers, mean = expected.get((recency, frequency), (0, 0.0))
        assert text == (f"<b>{customers:,}</b><br>€{round(mean):,}" if customers else "–")


def test_the_colour_can_be_the_customers(scored: Configure, open_screen: OpenScreen, sql: Query):
    app = open_screen(RFM)
    app.segmented_control(key="colour").set_value("customers").run()
    heat = figure(app)["data"][0]
    expected = grid_in_sql(sql, "true")
    assert [[expected[r, f][0] for r in heat["x"]] for f in heat["y"]] == heat["z"]


def test_the_chosen_cell(scored: Configure, open_screen: OpenScreen, sql: Query):
    app = open_screen(RFM)
    assert app.selectbox(key="cell").value == "Recency 5 · frequency 5"
    app.selectbox(key="cell").set_value("Recency 4 · frequency 2").run()
    app.select_slider(key="monetary").set_value("2").run()
    where = "recency = 4 AND frequency = 2 AND monetary = 2"
    [(customers, mean, order)] = sql(
        f"SELECT count(*), avg(total_revenue), sum(total_revenue) / sum(transaction_count) FROM customers WHERE {where}"
    )
    shown = metrics_of(app)
    assert shown["Customers"] == f"{customers:,}"
    assert shown["Average spend"] == f"€{round(mean):,}"
    assert shown["Average order"] == f"€{round(order):,}"
    best = [
        name for (name,) in sql(f"SELECT full_name FROM customers WHERE {where} ORDER BY total_revenue DESC LIMIT 10")
    ]
    assert app.dataframe[0].value["Full name"].tolist() == best
    shape = figure(app)["layout"]["shapes"][0]
    assert (shape["x0"], shape["x1"], shape["y0"], shape["y1"]) == (3.5, 4.5, 1.5, 2.5)


def test_a_cell_in_the_address(scored: Configure, open_screen: OpenScreen, sql: Query):
    app = open_screen(RFM, cell="Recency 1 · frequency 1")
    [(customers,)] = sql(f"SELECT count(*) FROM customers WHERE recency = 1 AND frequency = 1 AND {BOUGHT}")
    assert metrics_of(app)["Customers"] == f"{customers:,}"
    assert figure(app)["layout"]["shapes"][0]["x0"] == 0.5


def test_nonsense_in_the_address_is_left_out(scored: Configure, open_screen: OpenScreen):
    app = open_screen(RFM, cell="Recency 9", monetary="7", view="Segments", rfm_segment="Nobody", since="never")
    assert not app.exception
    assert app.selectbox(key="rfm_segment").value == "Champions"


def test_a_cell_as_a_segment(scored: Configure, open_screen: OpenScreen):
    app = open_screen(RFM, cell="Recency 5 · frequency 4", monetary="3")
    app.button(key="cell-segment").click().run()
    assert app.title[0].value == "New segment"
    assert decode_rule(app.query_params["rule"]) == {
        "and": [{"==": [{"var": name}, score]} for name, score in (("recency", 5), ("frequency", 4), ("monetary", 3))]
    }


def test_the_segments(scored: Configure, open_screen: OpenScreen, sql: Query):
    app = open_screen(RFM, view="Segments", rfm_segment="At Risk")
    table = app.table[0].value
    expected = sql(
        "SELECT rfm_segment, count(*), count(*) / sum(count(*)) OVER (), sum(total_revenue), "
        "sum(total_revenue) / sum(sum(total_revenue)) OVER (), sum(total_revenue) / nullif(sum(transaction_count), 0) "
        "FROM customers GROUP BY 1"
    )
    assert len(table) == len(expected)
    for name, *facts in expected:
        row = table.loc[name]
        assert row["Customers"] == facts[0]
        assert [row["Share"], row["Revenue"], row["Revenue share"]] == pytest.approx(
            [float(fact) for fact in facts[1:4]]
        )
        assert row["Average order"] == pytest.approx(facts[4]) or (facts[4] is None and row.isna()["Average order"])
    advice = {segment.name: segment.advice for segment in SEGMENTS}["At Risk"]
    assert advice in text_of(app)
    shown = metrics_of(app)
    assert shown["Customers"] == f"{next(row[1] for row in expected if row[0] == 'At Risk'):,}"
    app.button(key="rfm-segment-segment").click().run()
    assert decode_rule(app.query_params["rule"]) == {"and": [{"==": [{"var": "rfm_segment"}, "At Risk"]}]}


def test_the_scope_narrows_everything(scored: Configure, open_screen: OpenScreen, sql: Query):
    keep(get_services().segmentation, "Rich", {">": [{"var": "total_revenue"}, 800]})
    app = open_screen(RFM, view="Segments", rfm_segment="Lost")
    app.selectbox(key="scope").set_value("rich").run()
    assert not app.exception
    expected = dict(sql("SELECT rfm_segment, count(*) FROM customers WHERE total_revenue > 800 GROUP BY 1"))
    assert app.table[0].value["Customers"].to_dict() == expected
    app.button(key="rfm-segment-segment").click().run()
    conditions = decode_rule(app.query_params["rule"])["and"]
    assert conditions[0] == {"==": [{"var": "segment:rich"}, True]}


def test_the_cut_points(scored: Configure, open_screen: OpenScreen, sql: Query):
    app = open_screen(RFM, view="Cut points")
    for place, (score, column) in enumerate(
        (("recency", "last_purchase_days_ago"), ("frequency", "transaction_count"), ("monetary", "total_revenue"))
    ):
        table = app.dataframe[place].value
        expected = sql(f"SELECT {score}, count(*) FROM customers WHERE {BOUGHT} GROUP BY 1 ORDER BY 1 DESC")
        assert table["Score"].tolist() == [score for score, _ in expected]
        assert [int(text.split(" ")[0].replace(",", "")) for text in table["Customers"]] == [n for _, n in expected]
        assert f"From the column {column}." in text_of(app)
    [(low, high)] = sql(
        "SELECT min(last_purchase_days_ago), max(last_purchase_days_ago) FROM customers WHERE recency = 4"
    )
    assert app.dataframe[0].value["Value"][1] == f"{low}–{high} days"


def test_without_an_earlier_run_movement_says_when_there_will_be_one(scored: Configure, open_screen: OpenScreen):
    app = open_screen(RFM, view="Movement")
    [note] = [info.value for info in app.info]
    assert note.startswith("There is one scoring run so far, of ")
    assert note.endswith("load newer data, then score again.")


def test_movement(scored_twice: None, open_screen: OpenScreen):
    app = open_screen(RFM, view="Movement")
    shown = {label.split(" · ")[0]: int(value) for label, value in metrics_of(app).items()}
    assert (shown["+ New"], shown["– Left the base"]) == (5, 5)
    assert shown["▲ Moved up"] + shown["▼ Moved down"] + shown["● Stayed"] == 95
    assert shown["▲ Moved up"] > 0
    bands = figure(app)["data"][0]["link"]
    assert sum(bands["value"]) == 105
    for value, sentence in zip(bands["value"], bands["customdata"], strict=True):
        assert sentence.startswith(f"{value} customers ")
    table = app.dataframe[0].value
    assert table["Customers"].is_monotonic_decreasing
    assert set(table["Direction"]) <= {"▲ up", "▼ down"}
    app.toggle(key="moves").set_value(True).run()
    assert sum(figure(app)["data"][0]["link"]["value"]) == 105 - shown["● Stayed"]


def test_movement_of_money(scored_twice: None, open_screen: OpenScreen):
    app = open_screen(RFM, view="Movement")
    app.segmented_control(key="amount").set_value("money").run()
    bands = figure(app)["data"][0]["link"]
    revenue = sum(row[3] for row in varied_customers(105)[5:])
    assert sum(bands["value"]) == pytest.approx(revenue)
    shown = metrics_of(app)
    assert shown["– Left the base"] == "—"
    assert shown["+ New"] == "€4.2K"  # customers 100 to 104


def test_when_nobody_has_moved(scored_twice: None, open_screen: OpenScreen):
    score()
    app = open_screen(RFM, view="Movement")
    assert len(app.selectbox(key="since").options) == 2
    app.toggle(key="moves").set_value(True).run()
    assert [info.value for info in app.info] == ["Nobody has moved: every customer is in the same segment as then."]


def test_before_the_first_run(demo_settings: Configure, open_screen: OpenScreen):
    app = open_screen(RFM)
    assert "The customers have not been scored yet." in text_of(app)
    assert not app.metric


def test_data_without_a_measure_is_told_what_rfm_needs(scored: Configure, open_screen: OpenScreen):
    scored(rfm_columns='{"recency": "days_away"}')
    app = open_screen(RFM)
    assert [error.value for error in app.error] == []
    [said] = [info.value for info in app.info if "RFM has no recency" in info.value]
    assert "Connect data that has it" in said
