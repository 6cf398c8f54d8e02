"""The charts below the measures of a model."""

from collections.abc import Callable, Mapping
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.tasks import TASKS, BinaryTask, ChoiceTask, UpliftTask
from loyalty_core.ui import cached_reads, charts
from loyalty_core.ui.text import escape
from loyalty_core.ui.training import queries as reading
from loyalty_core.ui.training.comparison import model_figures, uplift_figures
from loyalty_core.ui.training.comparison.measures import Measures, heading

_CONFUSION_HEIGHT = 380


def draw_charts(measures: Measures, key: str) -> None:
    """Those that the versions have figures for; older versions have fewer."""
    task = TASKS[measures.model]
    if isinstance(task, ChoiceTask):
        _draw_offers(measures, key)
    elif isinstance(task, UpliftTask):
        _draw_uplift(measures, key)
    elif isinstance(task, BinaryTask):
        _draw_yes_or_no(measures, key, task.yes)


def _draw_yes_or_no(measures: Measures, key: str, happened: str) -> None:
    left, right = st.columns(2)
    for place, kind, draw in (
        (left, "roc", model_figures.roc),
        (right, "precision", model_figures.precision),
    ):
        if curves := _of_each(measures.by_name, lambda metrics, kind=kind: metrics.get("curves", {}).get(kind)):
            simple = _of_each(_simple(measures), lambda metrics, kind=kind: metrics.get("curves", {}).get(kind))
            title = {"roc": "ROC curve", "precision": "Precision and recall"}[kind]
            _draw(place, title, draw(curves, simple), f"{key}-{kind}", f"{title} of {' and '.join(curves)}.")
    left, middle, right = st.columns(3)
    if deciles := _of_each(measures.by_name, lambda metrics: metrics.get("deciles")):
        names = " and ".join(deciles)
        _draw(
            left, "Calibration", model_figures.calibration(deciles, happened), f"{key}-calibration",
            f"Share that {happened} over the share predicted, by deciles of the test customers, for {names}.",
        )  # fmt: skip
        _draw(
            middle, "Lift", model_figures.lift(deciles, happened), f"{key}-lift",
            f"How many times the average share {happened}, by deciles of the test customers, for {names}.",
        )  # fmt: skip
    _draw_drivers(right, measures, key)


def _draw_offers(measures: Measures, key: str) -> None:
    left, right = st.columns([3, 2])
    if (counts := measures.own.get("confusion")) and (offers := _offer_names(measures)):
        _draw(
            left, f"First choice by offer taken · {measures.names[0]}", model_figures.confusion(counts, offers),
            f"{key}-confusion", "For the customers who took each offer, which offer the model named first.",
            height=_CONFUSION_HEIGHT, legend=False,
        )  # fmt: skip
    _draw_drivers(right, measures, key, height=_CONFUSION_HEIGHT)


def _draw_uplift(measures: Measures, key: str) -> None:
    left, middle, right = st.columns(3)
    if curves := _of_each(measures.by_name, lambda metrics: metrics.get("qini_curve")):
        simple = _of_each(_simple(measures), lambda metrics: metrics.get("qini_curve"))
        _draw(
            left, "Effect by share contacted (Qini curve)", uplift_figures.qini(curves, simple), f"{key}-qini",
            f"Additional conversions by share of the customers contacted, for {' and '.join(curves)}.",
        )  # fmt: skip
    if groups := _of_each(measures.by_name, lambda metrics: metrics.get("groups")):
        _draw(
            middle, "Predicted and measured, by fifths", uplift_figures.groups(groups), f"{key}-groups",
            f"Predicted and measured uplift by fifths of the test customers, for {' and '.join(groups)}.",
        )  # fmt: skip
    _draw_drivers(right, measures, key)


def _draw_drivers(place: Any, measures: Measures, key: str, height: int = 280) -> None:
    contributions: dict[str, Mapping[str, float]] = {}
    for name, record in zip(measures.names, (measures.first, measures.second), strict=True):
        if record is not None and measures.model in record.models:
            try:
                contributions[name] = reading.drivers(record.version, measures.model)
            except LoyaltyError:
                continue  # the contract card says what is wrong with it
    if contributions:
        _draw(
            place, "What drives it", model_figures.drivers(contributions), f"{key}-drivers",
            f"Mean effect of each feature for {' and '.join(contributions)}.", height=height,
        )  # fmt: skip


def _offer_names(measures: Measures) -> list[str]:
    known = cached_reads.offer_names()
    ids = [entry["offer"] for entry in measures.own.get("offers", ())]
    return [known.get(offer, f"Offer {offer}") for offer in ids]


def _simple(measures: Measures) -> dict[str, Mapping[str, Any]]:
    """The baselines that rank customers."""
    return {heading(name): own for name, own in measures.baselines.items() if name != "base rate"}


def _of_each(metrics: Mapping[str, Mapping[str, Any]], read: Callable[[Mapping[str, Any]], Any]) -> dict[str, Any]:
    found = {name: read(one) for name, one in metrics.items()}
    return {name: one for name, one in found.items() if one}


def _draw(
    place: Any, title: str, figure: go.Figure, key: str, alt: str, height: int = 280, *, legend: bool = True
) -> None:
    with place:
        st.caption(escape(title))
        charts.draw(figure, key, alt, height=height, legend=legend)
