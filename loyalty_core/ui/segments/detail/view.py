"""One segment: size, rule, members, profile, overlap, explanations, and history."""

from functools import partial
from urllib.parse import quote

import streamlit as st

from loyalty_core.access import Action, current_viewer
from loyalty_core.errors import LoyaltyError
from loyalty_core.segments import Segment, SegmentNotFound, Use
from loyalty_core.services import get_services
from loyalty_core.ui import charts, formatting, table_columns
from loyalty_core.ui.frame import browser_title
from loyalty_core.ui.links import open_new_campaign
from loyalty_core.ui.messages import errors_shown, show_error
from loyalty_core.ui.navigation import CAMPAIGNS
from loyalty_core.ui.rights import refusal
from loyalty_core.ui.segments import address
from loyalty_core.ui.segments.computing import compute_one
from loyalty_core.ui.segments.detail.members_view import draw_members
from loyalty_core.ui.segments.detail.profile_view import draw_overlap, draw_profile
from loyalty_core.ui.segments.detail.segment_charts import size_history
from loyalty_core.ui.segments.detail.versions_view import draw_versions
from loyalty_core.ui.segments.detail.why import draw_why
from loyalty_core.ui.segments.editor import live
from loyalty_core.ui.segments.editor.sql_view import draw_sql
from loyalty_core.ui.segments.segment_list import fewer_than
from loyalty_core.ui.text import escape, escape_paragraphs
from loyalty_core.ui.work_slots import evaluation_slot

_NO_HISTORY = "You see a part of the customers, and sizes are stored for all of them only, so no history is shown."
_ACTIONS = {
    "duplicate": ":material/content_copy: Duplicate",
    "archive": ":material/archive: Archive",
    "unarchive": ":material/unarchive: Restore from archive",
    "delete": ":material/delete: Delete",
}


def draw_detail(segment_id: str) -> None:
    """The segment's page."""
    draw_way_back()
    try:
        segment = get_services().segments.get(segment_id)
    except SegmentNotFound as error:
        show_error(error, retry=False)
        return
    browser_title(segment.name)
    _draw_heading(segment)
    _draw_state(segment)
    _draw_size(segment)
    _draw_tabs(segment)


def draw_way_back() -> None:
    """The button back to the list."""
    if st.button("All segments", icon=":material/arrow_back:", type="tertiary"):
        address.open_list()


def _draw_heading(segment: Segment) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(escape(segment.name), anchor=False, width="stretch")
        cannot_edit, cannot_compute = refusal(Action.EDIT_SEGMENTS), refusal(Action.SCORE)
        if st.button("Edit", icon=":material/edit:", type="primary", disabled=bool(cannot_edit), help=cannot_edit):
            address.open_editor(segment.id)
        if st.button(
            "Compute",
            icon=":material/refresh:",
            disabled=bool(cannot_compute),
            help=cannot_compute or "Recompute the members",
        ):
            compute_one(segment.id, "on demand")
            st.rerun()
        cannot_write = refusal(Action.EDIT_CAMPAIGNS)
        if st.button(
            "New campaign",
            icon=CAMPAIGNS.icon,
            disabled=bool(cannot_write),
            help=cannot_write or "Create a campaign for the members of this segment",
        ):
            open_new_campaign(segment.id)
        action = None if cannot_edit else _draw_menu(segment)
    if action is not None:
        try:
            _act(segment, action)
        except LoyaltyError as error:
            show_error(error, retry=False)
    if segment.description:
        st.caption(escape_paragraphs(segment.description))
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        for tag in segment.tags:
            st.badge(escape(tag, in_badge=True), color="gray")
        if segment.archived_at is not None:
            st.badge("Archived", icon=":material/archive:", color="orange")
        st.caption(
            escape(f"Owner {segment.owner} · version {segment.version}, {formatting.moment(segment.updated_at)}"),
        )


def _draw_menu(segment: Segment) -> str | None:
    actions = ["duplicate", "unarchive" if segment.archived_at else "archive", "delete"]
    return st.menu_button(
        ":material/more_vert:", actions, help="More", key="segment-menu", format_func=_ACTIONS.__getitem__
    )


def _act(segment: Segment, action: str) -> None:
    """Carry out the action chosen in the menu."""
    segments = get_services().segments
    match action:
        case "duplicate":
            copy = segments.duplicate(segment.id, actor=current_viewer().id)
            compute_one(copy.id, "edit")
            address.open_segment(copy.id)
        case "archive":
            segments.archive(segment.id, actor=current_viewer().id)
            st.rerun()
        case "unarchive":
            segments.unarchive(segment.id, actor=current_viewer().id)
            st.rerun()
        case _:
            _confirm_deletion(segment)


@st.dialog("Delete segment", icon=":material/delete:")
def _confirm_deletion(segment: Segment) -> None:
    st.markdown(f"Delete **{escape(segment.name)}** with its versions and its history? This cannot be undone.")
    if st.button("Delete", type="primary", key="delete-now"):
        try:
            get_services().segments.delete(segment.id, actor=current_viewer().id)
        except LoyaltyError as error:
            show_error(error, retry=False)
            return
        address.open_list()


def _draw_state(segment: Segment) -> None:
    if segment.error:
        st.warning(
            f"The members could not be computed, so these are the last figures. {escape(segment.error)}",
            icon=":material/error:",
        )
    elif segment.fewer_than is not None:
        st.info(f"{fewer_than(segment.fewer_than)}, are members.", icon=":material/visibility_off:")
    elif segment.size is None:
        st.info("The members have not been computed yet.", icon=":material/hourglass_empty:")
    elif segment.is_stale:
        st.warning("The rule has changed since the members were computed.", icon=":material/history:")
    elif segment.data_changed:
        st.caption(":material/update: The members were computed on an earlier state of this data. Compute them again.")


def _draw_size(segment: Segment) -> None:
    size = segment.size
    if size is None:
        return
    with st.container(horizontal=True):
        st.metric(
            "Customers",
            formatting.count(size.customers),
            border=True,
            help="Members when the segment was last computed.",
        )
        share = size.customers / size.base if size.base else 0
        st.metric(
            "Share of the base",
            formatting.percent(share, 1),
            border=True,
            help="Members divided by all customers at that time.",
        )
        if size.joined is not None and size.left is not None:
            st.metric("Joined", formatting.count(size.joined), border=True, help="Since the previous computation")
            st.metric("Left", formatting.count(size.left), border=True, help="Since the previous computation")
        st.metric(
            "Computed", formatting.day(size.at), border=True, help=escape(f"{formatting.moment(size.at)}, {size.cause}")
        )


def _draw_tabs(segment: Segment) -> None:
    names = ["Rule", "Members", "Profile", "Overlap", "Why?", "Sizes", "Versions"]
    tabs = st.tabs(names, key="tab", on_change="rerun", bind="query-params")
    draw = (_draw_rule, draw_members, draw_profile, draw_overlap, draw_why, _draw_sizes, draw_versions)
    for tab, part in zip(tabs, draw, strict=True):
        if tab.open:
            with tab, errors_shown():
                part(segment)


def _draw_rule(segment: Segment) -> None:
    with evaluation_slot():
        selection = get_services().segmentation.select(segment.rule)
        preview = selection.preview()
    st.markdown(escape(selection.describe()))
    live.draw_reference_day(selection)
    live.draw_certainty(preview)
    if segment.size and preview.members != segment.size.customers:
        st.caption(f"In the warehouse now: {formatting.count(preview.members)} customers.")
    if preview.steps:
        live.draw_funnel(preview.steps, preview.customers)
    uses = get_services().segments.uses(segment.id)
    if uses:
        st.markdown("Used in " + ", ".join(_link(use) for use in uses))
    with st.expander("As JSONLogic", icon=":material/data_object:"):
        st.json(segment.rule)
    as_sql = st.expander("As SQL", icon=":material/database:", key="as-sql", on_change="rerun")
    if as_sql.open:
        with as_sql, evaluation_slot():
            draw_sql(selection)


def _link(use: Use) -> str:
    if use.kind == "campaign":
        return f"the campaign {escape(use.name)}"
    return f"[{escape(use.name)}](?segment={quote(use.id)})"


def _draw_sizes(segment: Segment) -> None:
    sizes = get_services().segments.sizes(segment.id)
    if not sizes:
        st.info(
            _NO_HISTORY
            if get_services().warehouse.has_scope
            else "No size has been computed yet. Compute the members to see one."
        )
        return
    charts.draw(
        partial(size_history, sizes), "segment-sizes", f"Customers in {segment.name} by the time of computation."
    )
    st.dataframe(
        [
            {
                "Computed": formatting.moment(size.at),
                "Customers": size.customers,
                "Joined": size.joined,
                "Left": size.left,
                "Base": size.base,
                "Version": size.version,
                "Because": size.cause.capitalize(),
            }
            for size in reversed(sizes)
        ],
        hide_index=True,
        column_config={name: table_columns.count_column() for name in ("Customers", "Joined", "Left", "Base")},
    )
