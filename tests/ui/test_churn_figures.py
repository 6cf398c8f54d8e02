"""Figures of the Churn screen whose labels would collide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loyalty_core.analytics.churn import ChurnCurve, RiskByValue
from loyalty_core.ml.tasks import RiskThresholds
from loyalty_core.ui.churn import figures

if TYPE_CHECKING:
    from tests.workbench import Configure


LINE_HEIGHT = 18


@pytest.mark.parametrize("mean", [0.23, 0.4], ids=["within", "beyond all groups"])
def test_the_percentages_of_groups_are_beyond_every_bar_diamond_and_line(configure: Configure, mean: float) -> None:
    configure()
    groups = [("Oslo", RiskByValue("Oslo", 100, 0.24, 0.3)), ("Turku", RiskByValue("Turku", 200, 0.22, 0.1))]
    figure = figures.risk_by_group(groups, mean)
    [numbers] = [trace for trace in figure.data if trace.type == "scatter" and trace.mode == "text"]
    assert dict(zip(numbers.y, numbers.text, strict=True)) == {"Oslo · 100": "24%", "Turku · 200": "22%"}
    drawn = [position for trace in figure.data if trace is not numbers for position in trace.x]
    assert min(numbers.x) > max([*drawn, mean])
    assert max(numbers.x) < figure.layout.xaxis.range[1]


def test_the_names_of_the_risks_are_at_different_heights(configure: Configure) -> None:
    configure()
    figure = figures.distribution(ChurnCurve((), 0), RiskThresholds(0.4, 0.45), 0.45)
    medium, high = figure.layout.annotations
    assert (medium.text, high.text) == ("medium risk →", "high risk →")
    assert medium.yshift - high.yshift >= LINE_HEIGHT
