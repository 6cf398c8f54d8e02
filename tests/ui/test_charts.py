"""Figures show names as they are: Plotly reads tags in every text."""

from datetime import UTC, date, datetime

import plotly.graph_objects as go
import pytest
import streamlit as st

from loyalty_core.ui import charts
from loyalty_core.warehouse.customers import MonthlySpend
from tests.workbench import Configure

NAME = '<b>VIP</b> & <a href="https://example.com">more</a>'
ESCAPED = '&lt;b&gt;VIP&lt;/b&gt; &amp; &lt;a href="https://example.com"&gt;more&lt;/a&gt;'


def test_every_text_of_a_figure_is_escaped():
    figure = go.Figure(go.Bar(x=[1], y=[NAME], text=[NAME], hovertext=[NAME], name=NAME, customdata=[NAME]))
    figure.add_annotation(x=0, y=0, text=NAME)
    figure.update_xaxes(title=NAME, tickvals=[0], ticktext=[NAME])
    drawn = charts.escaped(figure)
    bar, layout = drawn.data[0], drawn.layout
    texts = {bar.y[0], bar.text[0], bar.hovertext[0], bar.name, layout.annotations[0].text, layout.xaxis.title.text}
    assert texts | {layout.xaxis.ticktext[0]} == {ESCAPED}
    assert bar.customdata[0] == NAME  # what a click reports


def test_customdata_that_is_shown_is_escaped_and_its_template_is_not():
    figure = go.Figure(go.Sankey(link={"customdata": [NAME], "hovertemplate": "%{customdata}<extra></extra>"}))
    link = charts.escaped(figure).data[0].link
    assert link.customdata[0] == ESCAPED
    assert link.hovertemplate == "%{customdata}<extra></extra>"


def test_lines_and_bold_are_the_only_tags():
    figure = go.Figure(go.Bar(text=[f"{charts.bold('1,200')}\n{NAME}"]))
    assert charts.escaped(figure).data[0].text[0] == f"<b>1,200</b><br>{ESCAPED}"


@pytest.mark.parametrize(
    ("highest", "lowest", "ticks", "texts"),
    [
        (1.0, 0.0, [0, 0.2, 0.4, 0.6, 0.8, 1], ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]),
        (1.15, 0.0, [0, 0.2, 0.4, 0.6, 0.8, 1], ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]),
        (0.3, 0.0, [0, 0.1, 0.2, 0.3], ["0 %", "10 %", "20 %", "30 %"]),
        (0.68, 0.55, [0.55, 0.6, 0.65], ["55 %", "60 %", "65 %"]),
        (0.005, 0.0, [0, 0.001, 0.002, 0.003, 0.004, 0.005], [f"0,{n} %" for n in range(6)]),
    ],
)
def test_an_axis_of_shares_has_percentages_in_the_viewers_locale(
    configure: Configure,
    monkeypatch: pytest.MonkeyPatch,
    highest: float,
    lowest: float,
    ticks: list[float],
    texts: list[str],
):
    monkeypatch.setattr(type(st.context), "locale", "de-DE")
    axis = charts.share_axis("Customers", highest, lowest=lowest)
    assert axis["tickvals"] == ticks
    assert axis["ticktext"] == [text.replace(" ", "\xa0") for text in texts]
    assert axis["range"][0] <= ticks[0]
    assert axis["range"][1] >= max(highest, ticks[-1])


@pytest.mark.parametrize(
    ("lowest", "highest", "ticks"),
    [
        (150, 4_321, [(0, "0"), *((n * 1_000, f"{n}K") for n in range(1, 5))]),
        (0, 1_999_999, [(0, "0"), (500_000, "500K"), (1_000_000, "1M"), (1_500_000, "1.5M")]),
        (-120, 300, [(-100, "-100"), (0, "0"), (100, "100"), (200, "200"), (300, "300")]),
        (1, 3, [(0, "0"), (1, "1"), (2, "2"), (3, "3")]),
        (0, 0.4, [(0, "0"), (0.1, "0.1"), (0.2, "0.2"), (0.3, "0.3"), (0.4, "0.4")]),
        (0, 0, [(0, "0")]),
        (0, float("inf"), [(0, "0")]),
    ],
)
def test_values_along_an_axis_are_abbreviated_as_everywhere_else(
    monkeypatch: pytest.MonkeyPatch, lowest: float, highest: float, ticks: list[tuple[float, str]]
):
    monkeypatch.setattr(type(st.context), "locale", "en-GB")
    assert charts.value_ticks(lowest, highest) == ticks


def test_numbers_stay_numbers():
    figure = go.Figure(go.Heatmap(x=[1, 2], y=[1], z=[[0.5, None]]))
    heat = charts.escaped(figure).data[0]
    assert (list(heat.x), [list(row) for row in heat.z]) == ([1, 2], [[0.5, None]])


@pytest.mark.parametrize(("newest", "until"), [(14, date(2026, 10, 14)), (31, None)])
def test_a_last_month_that_is_not_over_in_the_data_is_marked(configure: Configure, newest: int, until: date | None):
    configure()
    months = [
        MonthlySpend(date(2026, 9, 1), 10.0, 2, date(2026, 9, 20)),
        MonthlySpend(date(2026, 10, 1), 3.0, 1, date(2026, 10, newest)),
    ]
    assert charts.unfinished_month(months) == until
    [bars] = charts.money_by_month(months).data
    assert bars.marker.opacity[0] == 1
    assert (bars.marker.opacity[1] < 1) is (until is not None)
    assert ("to 14 Oct 2026 only" in bars.hovertext[1]) is (until is not None)
    assert "only" not in bars.hovertext[0]


@pytest.mark.parametrize("first", [date(2026, 10, 4), datetime(2026, 10, 4, 12, tzinfo=UTC)])
def test_days_along_an_axis_are_written_as_everywhere_else(
    monkeypatch: pytest.MonkeyPatch, configure: Configure, first: date
):
    configure()
    drawn: list[go.Figure] = []
    monkeypatch.setattr(st, "plotly_chart", lambda figure, **_: drawn.append(figure))
    charts.draw(go.Figure(go.Scatter(x=[first], y=[1])), "days", "Days.")
    charts.draw(go.Figure(go.Scatter(x=[1], y=[1])), "numbers", "Numbers.")
    days, numbers = (figure.to_plotly_json()["layout"].get("xaxis", {}).get("tickformatstops") for figure in drawn)
    assert "%-d %b\n%Y" in [stop["value"] for stop in days]
    assert not numbers


@pytest.mark.parametrize(("on_top", "rows"), [(False, [-0.5, 1.5]), (True, [1.5, -0.5])])
def test_a_text_in_each_cell_and_no_room_around_the_cells(*, on_top: bool, rows: list[float]) -> None:
    figure = go.Figure(go.Heatmap(x=["a", "b", "c"], y=["first", "second"], z=[[1, 2, 3], [4, 5, 6]]))
    texts = [["1", "2", "3"], ["4", "5", "6"]]
    charts.write_in_cells(figure, texts, [[0.0, 0.5, 1.0], [None, 0.2, 0.3]], first_row_on_top=on_top)
    written = figure.data[1]
    assert dict(zip(zip(written.y, written.x, strict=True), written.text, strict=True)) == {
        ("first", "a"): "1",
        ("first", "b"): "2",
        ("first", "c"): "3",
        ("second", "a"): "4",
        ("second", "b"): "5",
        ("second", "c"): "6",
    }
    assert (*figure.layout.xaxis.range,) == (-0.5, 2.5)
    assert [*figure.layout.yaxis.range] == rows
    dark, light = charts.theme("textColor"), charts.ink(1.0)
    assert written.textfont.color[3] == dark  # a cell without colour
    assert written.textfont.color[2] == light != dark
