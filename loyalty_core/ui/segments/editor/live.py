"""The figures of a rule beside the builder, updated with every edit: size, sentence, funnel and first members."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from loyalty_core.segments import Selection
from loyalty_core.segments.figures import FunnelStep, Preview
from loyalty_core.services import get_services
from loyalty_core.ui import formatting
from loyalty_core.ui.customer_rows import draw_customer_rows
from loyalty_core.ui.text import escape
from loyalty_core.ui.work_slots import evaluation_slot

_FIRST = 5


def draw_size(preview: Preview, saved: int | None = None) -> None:
    """The number of members and their share of the base; beside a saved size, the difference."""
    difference = None if saved is None else preview.members - saved
    st.metric(
        "Customers",
        formatting.count(preview.members),
        delta=None if not difference else f"{formatting.change(difference)} compared with the saved rule",
        delta_color="off",
        delta_arrow=formatting.arrow(difference or 0),
        help=f"Of {formatting.count(preview.customers)} customers.",
    )
    st.progress(
        min(preview.share, 1.0), f"{formatting.percent(preview.share, 1)} of {formatting.count(preview.customers)}"
    )


def draw_certainty(preview: Preview) -> None:
    """A warning if the rule gives the same answer for every customer, whatever the data."""
    if preview.certain is not None:
        st.warning(
            "Every customer meets this rule, whatever the data."
            if preview.certain
            else "No customer can meet this rule, whatever the data.",
            icon=":material/warning:",
        )


def draw_funnel(steps: Sequence[FunnelStep], customers: int) -> None:
    """Who remains after each condition, and who would if that one alone were dropped."""
    # Bars rather than a table: in a narrow column a table would cut the conditions off.
    with st.container(gap="xsmall"):
        for step in steps:
            st.progress(
                step.remaining / customers if customers else 0.0,
                f"{escape(step.sentence)}  \n**{formatting.count(step.remaining)}** remain "
                f":gray[· {formatting.count(step.without)} without this condition]",
            )


def draw_sentence(selection: Selection) -> None:
    """The rule in English, and what its relative dates are counted from."""
    st.caption(escape(selection.describe()))
    draw_reference_day(selection)


def draw_reference_day(selection: Selection) -> None:
    """Which day a rule with relative dates calls today."""
    reference = selection.reference_day()
    if reference is not None:
        st.caption(escape(f"Days are counted from {formatting.day(reference.day)}: {reference.origin}."))


def draw_first_members(selection: Selection) -> None:
    """The first members by id, with their names where the view has some."""
    services = get_services()
    identifier = services.settings.dwh_customer_id_column
    columns = [identifier, *services.features.name_columns()[:1]]
    with evaluation_slot():
        found = selection.members(_FIRST, columns=columns)
    if not found:
        st.caption("No customers yet.")
        return
    draw_customer_rows(
        pd.DataFrame(found, columns=[*reversed(columns)]),
        "first-members",
        column_config={identifier: "ID", **dict.fromkeys(columns[1:], "Name")},
        alt="The first members",
    )
