"""The outcomes of each arm's customers, how far they differ, and how many customers it takes to be sure."""

from collections.abc import Iterator

import pandas as pd
import streamlit as st

from loyalty_core.analytics.outcomes import ArmOutcomes, Interval, Measure, Share
from loyalty_core.analytics.proportions import difference, minimum_detectable_change, required_customers
from loyalty_core.ml.bundles import Experiment
from loyalty_core.ui import cached_reads, formatting
from loyalty_core.ui.text import escape
from loyalty_core.ui.training.experiment import queries as experiment_reading
from loyalty_core.ui.training.experiment.arms_view import NAMES

# The share that leaves, where nothing is known of it.
_HALF = 0.5
_CHANGES = (0.01, 0.02, 0.05)


def draw_outcomes_by_arm(running: Experiment) -> None:
    """A table of what is known; in a sentence what is not known yet, and how many customers it takes."""
    outcomes = experiment_reading.arm_outcomes(running)
    st.subheader("Outcomes", anchor=False)
    rows = list(_rows(outcomes))
    if rows:
        st.dataframe(pd.DataFrame(rows), hide_index=True, key="outcomes")
        st.caption(
            "Each customer counts once, by the first scoring in the test whose outcome is known. In brackets: "
            "95% intervals. A difference whose interval includes 0 may be chance."
        )
    for reason in dict.fromkeys(filter(None, (outcomes.why_no_churn, outcomes.why_no_offers))):
        st.info(escape(reason), icon=":material/hourglass_top:")
    draw_sizes(running.share)


def draw_sizes(share: float) -> None:
    """How many customers show which difference in the share that leaves, for a challenger with this share of them."""
    smaller = min(share, 1 - share)
    leaving = experiment_reading.share_expected_to_leave()
    customers = round(smaller * cached_reads.key_figures().customers)
    compared = leaving or _HALF
    least = minimum_detectable_change(compared, customers, smaller)
    seen = (
        "no difference"
        if least is None
        else f"a difference of {formatting.decimal(100 * least, 1)} percentage points or more"
    )
    needed = "; ".join(
        f"{formatting.count(required_customers(compared, change, smaller))} for {formatting.decimal(100 * change, 0)}"
        for change in _CHANGES
    )
    st.caption(
        escape(
            f"The smaller arm, with its {formatting.count(customers)} customers, can show {seen} in the share that "
            f"leaves, where {formatting.percent(compared)} leave. Customers with a known outcome needed in that arm, "
            f"by difference in percentage points: {needed}. (Power {formatting.percent(0.8)}, significance "
            f"{formatting.percent(0.05)}.)"
        )
    )


def _rows(outcomes: ArmOutcomes) -> Iterator[dict[str, str]]:
    champion, challenger = outcomes.champion, outcomes.challenger
    if champion.left and challenger.left:
        yield _row("Left", _share(champion.left), _share(challenger.left), difference(challenger.left, champion.left))
        if champion.predicted is not None and challenger.predicted is not None:
            own, other = formatting.percent(champion.predicted, 1), formatting.percent(challenger.predicted, 1)
            yield _row("Mean churn probability", own, other)
    if areas := outcomes.churn_auc:
        yield _row("AUC", _measure(areas[champion.version]), _measure(areas[challenger.version]))
    if champion.took and challenger.took:
        taken = difference(challenger.took, champion.took)
        yield _row("Took the offer named first", _share(champion.took), _share(challenger.took), taken)


def _row(title: str, champion: str, challenger: str, change: Measure | None = None) -> dict[str, str]:
    shown = f"{formatting.signed(100 * change.value, 1)} points ({_points(change.interval)})" if change else ""
    return {"": title, NAMES[0]: champion, NAMES[1]: challenger, "Difference": shown}


def _share(share: Share) -> str:
    low, high = (formatting.percent(edge, 1) for edge in share.interval)
    return f"{formatting.percent(share.value, 1)} of {formatting.count(share.total)} ({low} to {high})"


def _measure(measure: Measure) -> str:
    value, low, high = (formatting.decimal(number, 3) for number in (measure.value, *measure.interval))
    return f"{value} ({low} to {high})"


def _points(interval: Interval) -> str:
    return f"{formatting.signed(100 * interval.low, 1)} to {formatting.signed(100 * interval.high, 1)}"
