"""One customer's predictions, drawn: churn, next best offer and RFM, each with what is behind it."""

import math
import textwrap
from collections.abc import Mapping
from functools import partial
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from loyalty_core.analytics.churn import ContactAdvice
from loyalty_core.analytics.monitoring import check_freshness
from loyalty_core.ml.bundles import Bundle
from loyalty_core.ml.serving import CustomerPredictions, Driver, Drivers, RfmAnswer, other_training_data
from loyalty_core.ml.tasks import (
    CHURN,
    CHURN_TIMING,
    NBO,
    UPLIFT,
    UPTAKE,
    ChurnPrediction,
    NboPrediction,
    UpliftPrediction,
    column_of,
)
from loyalty_core.rfm import segment_in_use
from loyalty_core.services import get_services
from loyalty_core.ui import cached_reads, charts, formatting
from loyalty_core.ui.jobs import draw_job
from loyalty_core.ui.messages import draw_unavailable
from loyalty_core.ui.text import escape
from loyalty_core.warehouse.columns import Role, column_for
from loyalty_core.warehouse.connection import Row
from loyalty_core.warehouse.history import HORIZON_DAYS
from loyalty_core.warehouse.offers import offer_name

# The highest recency score of customers who bought long ago.
_LONG_AGO = 2
# Of the charts of drivers, three of which share the width of a screen: characters in a line, room for a number.
_LABEL_WIDTH = 18
_ROOM = 0.3
_DRIVERS_HEIGHT = 340


def draw_predictions(customer_id: object) -> None:
    """The three predictions in columns; a box with the remedy where one cannot be made."""
    predictions = get_services().inference.predict_customer(customer_id)
    features = get_services().features.get(customer_id)
    advice = get_services().advice(features, predictions)
    _draw_origin(predictions)
    if uplift := predictions.answers.get(UPLIFT.name):
        _draw_uplift(uplift)
    churn, offer, rfm = st.columns(3, gap="medium")
    with churn.container(border=True, height="stretch"):
        st.subheader("Churn", anchor=False)
        if predictions.churn is None:
            draw_unavailable(predictions.unavailable[CHURN.name])
        else:
            _draw_churn(predictions.churn, predictions, advice)
    with offer.container(border=True, height="stretch"):
        st.subheader("Next best offer", anchor=False)
        if predictions.nbo is None:
            draw_unavailable(predictions.unavailable[NBO.name])
        else:
            _draw_offers(predictions.nbo, predictions)
    with rfm.container(border=True, height="stretch"):
        st.subheader("RFM", anchor=False)
        if predictions.rfm is None:
            draw_unavailable(predictions.unavailable["rfm"])
        else:
            _draw_rfm(predictions.rfm, features, advice)
            _draw_disagreement(predictions.churn, predictions.rfm)


def _draw_origin(predictions: CustomerPredictions) -> None:
    if predictions.is_mock:
        st.warning("Mock predictions: a formula over the features, not a trained model.", icon=":material/science:")
    elif predictions.model_version is not None:
        st.caption(escape(_named(predictions.model_version)))
        _warn_of_other_data()
    _warn_of_older_scores()
    if predictions.blanks:
        names = ", ".join(predictions.blanks)
        st.info(
            f"Blank for this customer: {escape(names)}. A blank number is replaced by the training median, a blank "
            "text counts as a value."
        )


def _named(version: str) -> str:
    """The version that answered, and its role in a running A/B test."""
    experiment = get_services().inference.served().experiment
    if experiment is None:
        return f"Model version {version}"
    part = "challenger" if version == experiment.challenger else "champion"
    return f"Model version {version}, the {part} of an A/B test"


def _warn_of_other_data() -> None:
    models = get_services().inference.models()
    other = other_training_data(models.manifest, get_services().warehouse) if isinstance(models, Bundle) else ""
    if other:
        st.warning(
            f"These models were trained on other data ({escape(other)}), so do not trust their predictions "
            "here. Train them on this warehouse: loyalty train",
            icon=":material/warning:",
        )


def _warn_of_older_scores() -> None:
    """Where the stored scores, which all other screens show, are of other models or older features than these."""
    services = get_services()
    freshness = check_freshness(services.warehouse, services.inference)
    if freshness.is_fresh or freshness.run is None:
        return
    since = formatting.moment(freshness.run.scored_at)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            ":material/update: Predicted now, from the current features. Churn, Next best offer, RFM and the segments "
            f"show the scores of {since} until you score again. {escape(' '.join(freshness.reasons))}",
            width="stretch",
        )
        draw_job("scoring", start_label="Score now", key="score-now")


def _draw_uplift(uplift: UpliftPrediction) -> None:
    """What contacting this customer changes, in one line."""
    contacted, not_contacted = (formatting.percent(uplift[name], 1) for name in ("p_if_contacted", "p_if_not"))
    points = formatting.signed(100 * uplift["uplift"], 1)
    st.markdown(
        f":material/campaign: **If contacted**, {contacted} likely to convert; **if not**, {not_contacted}: "
        f"{points} points."
    )


def _draw_churn(churn: ChurnPrediction, predictions: CustomerPredictions, advice: ContactAdvice) -> None:
    st.metric(
        "Churn probability",
        formatting.percent(churn["churn_probability"], 1),
        help="How likely the churn model finds it that the customer leaves.",
    )
    match churn["churn_risk"]:
        case "high":
            st.badge("High risk", color="red", icon=":material/priority_high:")
        case "medium":
            st.badge("Medium risk", color="orange", icon=":material/drag_handle:")
        case "low":
            st.badge("Low risk", color="green", icon=":material/check:")
    if timing := predictions.answers.get(CHURN_TIMING.name):
        _draw_timing(timing)
    _draw_advice(advice)
    draw_drivers(CHURN.name, predictions.churn_drivers)


def _draw_timing(timing: Mapping[str, Any]) -> None:
    """How soon the customer is likely to leave, in one line."""
    within = (f"{days} days {formatting.percent(timing[column_of(days)], 1)}" for days in HORIZON_DAYS)
    st.markdown(
        f":material/schedule: Likely to leave within {', '.join(within)}",
        help="By the time-of-churn model. A longer time includes the shorter ones.",
    )


def _draw_offers(nbo: NboPrediction, predictions: CustomerPredictions) -> None:
    names = cached_reads.offer_names()
    best = offer_name(names, nbo["recommended_offer"])
    uptake = predictions.answers.get(UPTAKE.name)
    if uptake is None:
        likely = f"{formatting.percent(nbo['confidence'], 1)} if any offer is taken"
        at_all = "How likely the customer is to take an offer at all is not known. If they take one:"
    else:
        any_offer = uptake[UPTAKE.score_column]
        likely = f"{formatting.percent(any_offer * nbo['confidence'], 1)} likely"
        at_all = f"{formatting.percent(any_offer, 1)} likely to take an offer at all. If they take one:"
    st.metric(
        "Best offer",
        escape(best),
        likely,
        delta_color="off",
        delta_arrow="off",
        help="The offer that the model scores highest. The scores of all offers add up to 100%.",
    )
    st.caption(at_all)
    ranked = sorted(nbo["all_offers"], key=lambda offer: -offer["score"])
    for offer in ranked[:4]:
        text = f"{escape(offer_name(names, offer['offer_id']))} · {formatting.percent(offer['score'], 1)}"
        st.progress(min(1.0, max(0.0, offer["score"])), text=text)
    draw_drivers("offer", predictions.offer_drivers)


def _draw_advice(advice: ContactAdvice) -> None:
    """The advice on contacting this customer."""
    if advice.contact:
        st.markdown("\n".join(f"- {escape(action)}" for action in advice.actions))
        st.caption(escape(advice.sentence))
    else:
        st.markdown(f":material/do_not_disturb_on: {escape(advice.sentence)}")


def _draw_rfm(rfm: RfmAnswer, features: Row, advice: ContactAdvice) -> None:
    segment = segment_in_use(get_services().settings, rfm["segment"])
    st.metric(
        "Segment",
        escape(rfm["segment"]),
        help="By the scores of recency, frequency and monetary value below, 1 to 5 each.",
    )
    roles: dict[str, Role] = {"recency": "recency", "frequency": "transactions", "monetary": "revenue"}
    for measure, role in roles.items():
        score = rfm[measure]
        st.markdown(
            f"{measure.capitalize()} **{formatting.count(score)}** of 5 {'●' * score}{'○' * (5 - score)}"
            f"{_measured(role, features)}"
        )
    st.caption(escape(segment.meaning))
    if advice.contact:
        st.markdown(f"- {escape(segment.advice)}")


def _draw_disagreement(churn: ChurnPrediction | None, rfm: RfmAnswer) -> None:
    """Why a customer who bought long ago may still be at low risk."""
    if churn is not None and churn["churn_risk"] == "low" and rfm["recency"] <= _LONG_AGO:
        st.caption(
            "RFM only compares past purchases. The churn model, which reads more about the customer, expects another."
        )


def _measured(role: Role, features: Row) -> str:
    """What a score was given for, since scores only compare customers with each other."""
    column = column_for(role, cached_reads.catalog().columns, get_services().settings)
    return f" · {escape(formatting.value(column, features.get(column.name)))}" if column else ""


def draw_drivers(of: str, drivers: Drivers | None) -> None:
    """Bars of what moves a probability away from the sample's average; `of` makes the chart's key unique on a page."""
    if drivers is None:
        return
    st.caption(
        f"What moves it away from {formatting.percent(drivers.base, 1)}, the average of {drivers_sample()}, "
        "in percentage points"
    )
    charts.draw(
        partial(_driver_bars, drivers.features), f"{of}-drivers", _in_words(drivers.features), height=_DRIVERS_HEIGHT
    )


def drivers_sample() -> str:
    """The rows whose average prediction the drivers start from, in words."""
    is_mock = get_services().settings.ml_mock_mode
    return "a sample of made-up customers" if is_mock else "a sample of the training rows"


def _driver_bars(drivers: tuple[Driver, ...]) -> go.Figure:
    shown = [driver for driver in reversed(drivers[:8]) if not math.isclose(driver.contribution, 0, abs_tol=0.05)]
    more, less = charts.palette()[1], charts.palette()[0]
    bars = go.Bar(
        x=[driver.contribution for driver in shown],
        y=[textwrap.fill(driver.label, _LABEL_WIDTH) for driver in shown],
        orientation="h",
        marker_color=[more if driver.contribution > 0 else less for driver in shown],
        text=[formatting.signed(driver.contribution, 1) for driver in shown],
        textposition="outside",
        cliponaxis=False,
        hovertext=[
            f"{driver.label} {_value(driver)}: {formatting.signed(driver.contribution, 1)} points" for driver in shown
        ],
        hoverinfo="text",
    )
    figure = go.Figure(bars)
    lowest = min((driver.contribution for driver in shown if driver.contribution < 0), default=0.0)
    highest = max((driver.contribution for driver in shown if driver.contribution > 0), default=0.0)
    # A share of the whole width for the numbers next to the bars, on each side that has some.
    sides = (lowest < 0) + (highest > 0)
    room = (highest - lowest) * _ROOM / (1 - _ROOM * sides)
    low, high = lowest - room * (lowest < 0), highest + room * (highest > 0)
    figure.update_xaxes(range=[low, high or 1], title="Percentage points", zeroline=True)
    return figure


def _in_words(drivers: tuple[Driver, ...]) -> str:
    return "; ".join(
        f"{driver.label} {formatting.signed(driver.contribution, 1)} percentage points" for driver in drivers[:5]
    )


def _value(driver: Driver) -> str:
    return "(blank)" if driver.value is None else f"of {formatting.loose_value(driver.feature, driver.value)}"
