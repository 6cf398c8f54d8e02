"""From which probability to contact customers: the distribution, a slider, who is caught and who is not."""

from functools import partial

import streamlit as st

from loyalty_core.analytics.churn import ChurnCurve, ModelQuality, Targeting, threshold_rule
from loyalty_core.analytics.outcomes import Share
from loyalty_core.analytics.scope import ScopedBase
from loyalty_core.ml.tasks import RiskThresholds
from loyalty_core.ui import charts, formatting
from loyalty_core.ui.churn import figures
from loyalty_core.ui.fragments import fragment
from loyalty_core.ui.links import draw_save_as_segment
from loyalty_core.ui.messages import errors_shown

PARAMETER = "threshold"


@fragment()
def draw_threshold(
    base: ScopedBase, curve: ChurnCurve, everyone: ChurnCurve, risks: RiskThresholds, quality: ModelQuality | None
) -> None:
    """All computed from the curves of the scope and of `everyone`: moving the slider reads nothing."""
    with errors_shown(), st.container(border=True):
        st.subheader("Customers above a threshold", anchor=False)
        left, right = st.columns([2, 1], gap="large")
        # The slider is drawn below the figure that it changes.
        place = left.container()
        with left:
            percent = st.slider(
                "Contact from a probability of",
                0,
                100,
                round(100 * risks.high),
                format=formatting.percent_format(),
                key=PARAMETER,
                bind="query-params",
            )
        targeting = curve.targeting(percent / 100)
        with place:
            charts.draw(
                partial(figures.distribution, curve, risks, targeting.threshold),
                "churn-distribution",
                _alt(targeting),
                height=380,
            )
        with right:
            _draw_outcome(targeting)
            _draw_test(everyone.targeting(percent / 100), quality)
            draw_save_as_segment(
                threshold_rule(base, targeting.threshold), "threshold-segment", disabled=not targeting.customers
            )


def _draw_outcome(targeting: Targeting) -> None:
    st.metric(
        "Customers contacted",
        formatting.count(targeting.customers),
        delta=f"{formatting.percent(targeting.share, 1)} of {formatting.count(targeting.all_customers)}",
        delta_color="off",
        delta_arrow="off",
        help="Customers whose churn probability is at least the threshold.",
    )
    st.metric(
        "Expected churners captured",
        formatting.percent(targeting.captured, 1),
        delta=f"{formatting.count(round(targeting.churners))} of {formatting.count(round(targeting.all_churners))}",
        delta_color="off",
        delta_arrow="off",
        help="The probabilities of those contacted, added up, as a share of the sum over everybody.",
    )
    st.metric(
        "Loyal customers wrongly targeted",
        formatting.count(round(targeting.loyal)),
        delta=f"{formatting.percent(targeting.loyal_share, 1)} of those contacted",
        delta_color="off",
        delta_arrow="off",
        help="One minus the probability, added up over those contacted: they would stay anyway.",
    )


def _draw_test(targeting: Targeting, quality: ModelQuality | None) -> None:
    """What the threshold meant for test customers, who are of the whole base: so `targeting` is of the whole base."""
    tested = quality.at_threshold(targeting.threshold, targeting.share) if quality else None
    if quality is None or tested is None:
        return
    rows, contacted = formatting.count(quality.test_rows), formatting.percent(tested.contacted.value, 1)
    if tested.is_approximate:
        st.caption(
            f"Check of the model on the whole base: this threshold contacts {contacted} of all customers. Of {rows} "
            f"test rows, the {contacted} with the highest probability included about "
            f"{formatting.percent(tested.captured.value)} of those who left; about "
            f"{formatting.percent(tested.stayed.value)} of them stayed. This version recorded deciles only; train "
            "again for exact figures."
        )
        return
    st.caption(
        f"Check of the model on customers it had not seen: of {rows} test rows, {contacted} were at or above this "
        f"threshold. They included {_with_interval(tested.captured)} of those who left; "
        f"{_with_interval(tested.stayed)} of them stayed. In brackets, 95% Wilson intervals."
    )


def _with_interval(share: Share) -> str:
    low, high = (formatting.percent(bound, 1) for bound in share.interval)
    return f"{formatting.percent(share.value, 1)} ({low} to {high})"


def _alt(targeting: Targeting) -> str:
    return (
        f"Customers by churn probability; {formatting.count(targeting.customers)} are at or above "
        f"{formatting.percent(targeting.threshold)}."
    )
