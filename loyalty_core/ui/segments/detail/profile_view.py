"""What distinguishes a segment from the base, and how many customers it shares with other segments."""

from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from loyalty_core.segments import Segment, holds_offers, offer_of_propensity
from loyalty_core.segments.figures import MAX_SEGMENTS, Profile
from loyalty_core.services import get_services
from loyalty_core.ui import cached_reads, charts, formatting, table_columns
from loyalty_core.ui.segments.detail.segment_charts import differences, overlap_matrix
from loyalty_core.ui.text import escape
from loyalty_core.ui.work_slots import evaluation_slot
from loyalty_core.warehouse import Column
from loyalty_core.warehouse.columns import Role, column_for
from loyalty_core.warehouse.offers import offer_name

_SHOWN_NUMBERS = 8
_SHOWN_VALUES = 12
_FIGURES: tuple[Role, ...] = ("revenue", "transactions", "recency")
# Differences below a tenth of a standard deviation are not shown.
_SMALLEST_DIFFERENCE = 0.1


def draw_profile(segment: Segment) -> None:
    """Means and typical values of the segment beside those of the base."""
    profile = cached_reads.segment_profile(segment.rule)
    if not profile.customers:
        st.info("Nobody is in this segment, so there is nothing to compare.")
        return
    _draw_figures(profile)
    numbers = [
        replace(one, column=_with_offer_name(one.column))
        for one in profile.numbers
        if abs(one.difference or 0) >= _SMALLEST_DIFFERENCE
    ][:_SHOWN_NUMBERS]
    left, right = st.columns([2, 3], gap="medium")
    with left.container(border=True):
        st.subheader("Largest differences", anchor=False)
        if numbers:
            charts.draw(partial(differences, numbers), "segment-differences", "Means of the segment against the base.")
        else:
            st.caption("On every number, these customers resemble the base.")
    with right.container(border=True):
        st.subheader("Typical values", anchor=False)
        _draw_values(profile)


def _draw_figures(profile: Profile) -> None:
    services = get_services()
    columns = [column_for(role, cached_reads.catalog().columns, services.settings) for role in _FIGURES]
    with st.container(horizontal=True):
        for column in columns:
            number = profile.number(column.name) if column else None
            if number is None or column is None:
                continue
            st.metric(
                f"{escape(column.label)}, average",
                escape(formatting.value(column, number.segment_mean)),
                delta=escape(f"Base {formatting.value(column, number.base_mean)}"),
                delta_color="off",
                delta_arrow="off",
                border=True,
                help="The average over the members; below it, over the whole base.",
            )
        churn = profile.number("churn_probability")
        if churn is not None and churn.segment_mean is not None:
            st.metric(
                "Churn probability, average",
                formatting.percent(churn.segment_mean, 1),
                delta=f"Base {formatting.percent(churn.base_mean or 0, 1)}",
                delta_color="off",
                delta_arrow="off",
                border=True,
                help="The average over the members, as last scored; below it, over the whole base.",
            )


def _draw_values(profile: Profile) -> None:
    table = pd.DataFrame(
        [
            {
                "Field": value.column.label,
                "Value": _shown(value.column, value.value),
                "Here": formatting.rounded_share(value.segment_share),
                "Base": formatting.rounded_share(value.base_share),
                "Index": None if not value.base_share else round(100 * value.index),
            }
            for value in profile.values[:_SHOWN_VALUES]
        ]
    )
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "Field": st.column_config.TextColumn(width=140),
            "Value": st.column_config.TextColumn(width=128),
            "Here": table_columns.share_bar("In the segment", width=116),
            "Base": table_columns.share_column("In the base", width=82),
            "Index": table_columns.count_column(width=54, help="100 is as in the base, 200 twice as common"),
        },
        alt="Values that are more or less common in the segment than in the base",
    )


def _with_offer_name(column: Column) -> Column:
    """A propensity under the name of its offer rather than its number."""
    offer = offer_of_propensity(column)
    if offer is None:
        return column
    return replace(column, label=f"Propensity of {offer_name(cached_reads.offer_names(), offer)}")


def _shown(column: Column, value: Any) -> str:
    if holds_offers(column):
        return offer_name(cached_reads.offer_names(), int(value))
    return formatting.value(column, value)


def draw_overlap(segment: Segment) -> None:
    """Customers shared with up to five other segments."""
    segments = {one.id: one for one in get_services().segments.list() if one.id != segment.id}
    if not segments:
        st.info("There is no other segment to compare with. Create a second one.")
        return
    chosen = st.multiselect(
        "Compare with",
        list(segments),
        list(segments)[:3],
        format_func=lambda one: segments[one].name,
        max_selections=MAX_SEGMENTS - 1,
        key="overlap-with",
    )
    if not chosen:
        st.caption("Choose at least one other segment.")
        return
    names = {segment.id: segment.name, **{one: segments[one].name for one in chosen}}
    rules = {segment.id: segment.rule, **{one: segments[one].rule for one in chosen}}
    with evaluation_slot():
        found = get_services().segmentation.overlap(rules)
    charts.draw(
        partial(overlap_matrix, found, names), "segment-overlap", "Share of each segment that is in each other one."
    )
    st.caption("Each row: the share of that segment's customers who are in the column's segment as well.")
    st.dataframe(
        pd.DataFrame(
            [
                {
                    "In": ", ".join(names[one] for one in combination.members_of) or "None of them",
                    "Customers": combination.customers,
                }
                for combination in found.combinations
            ]
        ),
        hide_index=True,
        column_config={"Customers": table_columns.count_column()},
        alt="Customers in exactly these segments",
    )
