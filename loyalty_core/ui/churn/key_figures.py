"""The first row of the Churn screen: customers by risk, who will leave, what leaves with them, and the model."""

from typing import Literal

import streamlit as st

from loyalty_core.analytics.churn import BaseShift, ChurnCurve, Concentration, ModelQuality
from loyalty_core.ml.tasks import RISKS, RiskThresholds
from loyalty_core.ui import formatting
from loyalty_core.ui.text import escape
from loyalty_core.warehouse import Column

_Colour = Literal["green", "blue", "orange", "red", "gray"]
_GRADE_COLOURS: dict[str, _Colour] = {
    "A": "green",
    "B": "blue",
    "C": "orange",
    "D": "red",
}
_GOOD_GRADES = {"A", "B"}


def draw_key_figures(
    curve: ChurnCurve,
    risks: RiskThresholds,
    revenue: Column | None,
    quality: ModelQuality | None,
    shift: BaseShift | None,
) -> None:
    """Figures of all scored customers in scope; `quality` is None when there is no model at the moment."""
    everyone = curve.everyone
    ranges = {
        "low": f"Probability below {formatting.percent(risks.medium)}.",
        "medium": f"Probability of {formatting.percent(risks.medium)} to below {formatting.percent(risks.high)}.",
        "high": f"Probability of {formatting.percent(risks.high)} or more.",
    }
    with st.container(horizontal=True):
        for risk in reversed(RISKS):
            group = curve.at_risk(risk)
            share = formatting.percent(group.customers / everyone.customers)
            st.metric(
                f"{risk.capitalize()} risk · {share}", formatting.count(group.customers), border=True, help=ranges[risk]
            )
        st.metric(
            f"Expected churners · {formatting.percent(everyone.mean)}",
            formatting.count(round(everyone.churners)),
            border=True,
            help="The sum of the churn probabilities: how many will leave if the model is right.",
        )
        if revenue is not None:
            share = f" · {formatting.percent(everyone.loss / everyone.value)}" if everyone.value > 0 else ""
            st.metric(
                f"Revenue at risk{share}",
                escape(formatting.compact_money(everyone.loss)),
                border=True,
                help=escape(
                    f"The sum of probability times {revenue.label.lower()}: {formatting.money(everyone.loss)} "
                    f"of {formatting.money(everyone.value)}."
                ),
            )
    if curve.concentration is not None:
        _warn_of_alike(curve.concentration)
    if quality is not None:
        _draw_quality(quality, shift)
    if curve.unscored:
        customers = "customer" if curve.unscored == 1 else "customers"
        st.caption(f"{formatting.count(curve.unscored)} {customers} without a prediction are left out.")


def _warn_of_alike(concentration: Concentration) -> None:
    st.warning(
        f"{formatting.percent(concentration.share, 1)} of these customers have nearly the same probability, about "
        f"{formatting.percent(concentration.probability, 1)}, so the model does not tell customers apart. Look at "
        "Monitoring on the Training screen before you use it.",
        icon=":material/warning:",
    )


def _warn_of_shift(shift: BaseShift) -> None:
    expected = ""
    if shift.tested is not None:
        expected = (
            f" Of the test rows it expected {formatting.percent(shift.tested, 1)} to leave, of the whole base now "
            f"{formatting.percent(shift.now, 1)}."
        )
    moved = f" What moved: {escape('; '.join(shift.moved))}." if shift.moved else ""
    st.warning(
        f"**The base is no longer like the customers that the model was tested on**, so its grade and the number of "
        f"expected churners may not hold.{expected}{moved} Look at Monitoring on the Training screen.",
        icon=":material/trending_up:",
    )


def _draw_quality(quality: ModelQuality, shift: BaseShift | None) -> None:
    if shift is not None:
        _warn_of_shift(shift)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        colour: _Colour = "orange" if shift else _GRADE_COLOURS.get(quality.grade, "gray")
        is_good = shift is None and quality.grade in _GOOD_GRADES
        icon = ":material/verified:" if is_good else ":material/info:"
        word = f"Model: {quality.word.lower()}" if shift is None else "Model: tested on another base"
        st.badge(escape(word, in_badge=True), icon=icon, color=colour, help=_grade_help(quality))
        st.caption(escape(_quality_sentence(quality)), width="stretch")


def _quality_sentence(quality: ModelQuality) -> str:
    if quality.is_mock:
        return "Mock mode: the probabilities are made up by a formula, and no model has been tested."
    return (
        f"{quality.sentence} Measured on customers it had not seen."
        if quality.sentence
        else "No test results were recorded at training."
    )


def _grade_help(quality: ModelQuality) -> str | None:
    if not quality.grade:
        return None
    tested = formatting.count(quality.test_rows)
    return (
        f"Grade {escape(quality.grade)} of A to D: what the model adds over the best simple rule, "
        f"on {tested} test customers."
    )
