"""What a page shows is made once for the same data, and again for any other data or look."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import plotly.graph_objects as go
import plotly.io
import pytest
import streamlit as st

from loyalty_core.ui import charts, formatting
from loyalty_core.ui.made_before import MadeFigure, made_before

if TYPE_CHECKING:
    from tests.workbench import Configure

_calls: list[tuple[float, ...]] = []


@pytest.fixture
def calls() -> list[tuple[float, ...]]:
    """The arguments with which `money` has been called in this test."""
    _calls.clear()
    return _calls


def money(*amounts: float) -> list[str]:
    _calls.append(amounts)
    return [formatting.money(amount) for amount in amounts]


def cells() -> go.Figure:
    figure = go.Figure(go.Heatmap(x=["<a>", "b"], y=["c", "d"], z=[[3, 4], [None, 5]]))
    charts.write_in_cells(figure, [["1", "2"], ["3", "4"]], [[0.0, 1.0], [None, 0.5]])
    return figure


def test_equal_arguments_are_looked_up(configure: Configure, calls: list[tuple[float, ...]]) -> None:
    assert made_before(partial(money, 1.5, 71)) == made_before(partial(money, 1.5, 71))
    assert calls == [(1.5, 71)]


def test_another_argument_is_not(configure: Configure, calls: list[tuple[float, ...]]) -> None:
    first, second = made_before(partial(money, 1.5, 72)), made_before(partial(money, 1.5, 73))
    assert first != second
    assert calls == [(1.5, 72), (1.5, 73)]


def test_nor_is_another_look(
    configure: Configure, calls: list[tuple[float, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert made_before(partial(money, 1234.5)) == ["€1,234.50"]
    configure(currency="USD")
    assert made_before(partial(money, 1234.5)) == ["$1,234.50"]
    monkeypatch.setattr(type(st.context), "locale", "de-DE")
    assert made_before(partial(money, 1234.5)) == ["1.234,50\xa0$"]
    assert len(calls) == 3


def test_what_streamlit_sends_of_a_figure_is_what_plotly_would(configure: Configure) -> None:
    figure = charts.escaped(cells())
    made = MadeFigure.of(figure)
    assert plotly.io.to_json(made.to_dict(), validate=False) == plotly.io.to_json(figure.to_dict(), validate=False)
    assert json.loads(plotly.io.to_json(made.to_dict(), validate=False) or "")["data"][0]["x"] == ["&lt;a&gt;", "b"]
