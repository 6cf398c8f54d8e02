"""What became of each arm's customers, how far that differs, and how many customers it takes to tell."""

from collections.abc import Iterator

import pandas as pd
import streamlit as st

from loyalty_core.analytics.outcomes import ArmOutcomes, Interval, Measure, Share
from loyalty_core.analytics.two_shares import customers_needed, difference, least_change
from loyalty_core.ml.bundles import Experiment
from loyalty_core.ui import cached_reads, formatting
from loyalty_core.ui.messages import escape
from loyalty_core.ui.training.experiment import queries as experiment_reading
from loyalty_core.ui.training.experiment.arms_view import NAMES

# What a customer's leaving is compared at, where nothing is known of how many leave.
_HALF = 0.5
_CHANGES = (0.01, 0.02, 0.05)


def draw_outcomes_by_arm(running: Experiment) -> None:
    """A table of what is known; in a sentence what is not known yet, and what it will take."""
    outcomes = experiment_reading.arm_outcomes(running)
    st.subheader("What then happened", anchor=False)
    rows = list(_rows(outcomes))
    if rows:
        st.dataframe(pd.DataFrame(rows), hide_index=True, key="outcomes")
        st.caption(
            "Each customer counts once, by the first scoring in the test whose outcome is known. In brackets, and for "
            "the difference, stand 95% intervals; a difference whose interval holds 0 may be chance."
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
    least = least_change(compared, customers, smaller)
    seen = "no difference" if least is None else f"a difference of {100 * least:.1f} percentage points or more"
    needed = "; ".join(
        f"{formatting.count(customers_needed(compared, change, smaller))} for {100 * change:.0f}" for change in _CHANGES
    )
    st.caption(
        escape(
            f"The smaller arm, with its {formatting.count(customers)} customers, can show {seen} in the share "
            "that leaves, "
            f"where {formatting.percent(compared)} leave. Customers with a known outcome that it takes in that arm, by "
            f"percentage points: {needed}. (Seen in 80% of cases, at a significance of 5%.)"
        )
    )


def _rows(outcomes: ArmOutcomes) -> Iterator[dict[str, str]]:
    champion, challenger = outcomes.champion, outcomes.challenger
    if champion.left and challenger.left:
        yield _row("Left", _share(champion.left), _share(challenger.left), difference(challenger.left, champion.left))
        if champion.predicted is not None and challenger.predicted is not None:
            own, other = formatting.percent(champion.predicted, 1), formatting.percent(challenger.predicted, 1)
            yield _row("Mean probability to leave", own, other)
    if areas := outcomes.churn_areas:
        yield _row("AUC", _measure(areas[champion.version]), _measure(areas[challenger.version]))
    if champion.took and challenger.took:
        taken = difference(challenger.took, champion.took)
        yield _row("Took the offer named first", _share(champion.took), _share(challenger.took), taken)


def _row(title: str, champion: str, challenger: str, change: Measure | None = None) -> dict[str, str]:
    shown = f"{100 * change.value:+.1f} points ({_points(change.interval)})" if change else ""
    return {"": title, NAMES[0]: champion, NAMES[1]: challenger, "Difference": shown}


def _share(share: Share) -> str:
    low, high = (formatting.percent(edge, 1) for edge in share.interval)
    return f"{formatting.percent(share.value, 1)} of {formatting.count(share.total)} ({low} to {high})"


def _measure(measure: Measure) -> str:
    return f"{measure.value:.3f} ({measure.interval.low:.3f} to {measure.interval.high:.3f})"


def _points(interval: Interval) -> str:
    return f"{100 * interval.low:+.1f} to {100 * interval.high:+.1f}"
