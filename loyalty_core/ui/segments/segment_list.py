"""All segments: search, tags, size and its history, when it was computed, and errors."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from loyalty_core.access import Action
from loyalty_core.segments import Segment
from loyalty_core.services import get_services
from loyalty_core.ui import formatting, table_columns
from loyalty_core.ui.jobs import draw_job
from loyalty_core.ui.rights import refusal
from loyalty_core.ui.segments import address
from loyalty_core.ui.segments.editor.editor_state import discard_editor, unsaved_editors
from loyalty_core.ui.unsaved import draw_unsaved


def draw_list() -> None:
    """The segments that match the search; a click on a row opens one."""
    for editor in unsaved_editors():
        name = editor.segment.name if editor.segment else None
        reopen = partial(address.open_editor, editor.segment_id)
        draw_unsaved(editor.segment_id, name, "segment", reopen, partial(discard_editor, editor))
    search, tags, archived = _draw_search()
    found = get_services().segments.list(search=search, tags=tags, archived=archived)
    _draw_actions(found)
    if not found:
        _draw_nothing(searched=bool(search or tags), archived=archived)
        return
    none_computed = not archived and all(segment.is_stale and segment.size is None for segment in found)
    if none_computed and get_services().jobs.running("segments") is None:
        st.info(
            "None of these segments has been computed on this data. Compute all counts them; a segment whose columns "
            "are not in this data says so, and can be changed or archived.",
            icon=":material/calculate:",
        )
    chosen = _draw_table(found)
    if chosen is not None:
        address.open_segment(chosen.id)


def _draw_nothing(*, searched: bool, archived: bool) -> None:
    if searched:
        st.info("No segment matches. Change the search, or create a new one.", icon=":material/search_off:")
    elif archived:
        st.info("No segment is archived.", icon=":material/archive:")
    else:
        st.info("There are no segments yet. Create the first one.", icon=":material/groups:")


def _draw_search() -> tuple[str, list[str], bool]:
    by_text, by_tag, by_state = st.columns([4, 3, 1], vertical_alignment="bottom")
    search = by_text.text_input(
        "Find a segment",
        placeholder="Name, description or tag",
        icon=":material/search:",
        key="find",
        bind="query-params",
    )
    tags = by_tag.multiselect(
        "Tags", get_services().segments.tags(), key="tag", placeholder="Any tag", bind="query-params"
    )
    archived = by_state.toggle("Archived", key="archived", bind="query-params")
    return search, tags, archived


def _draw_actions(found: Sequence[Segment]) -> None:
    in_use = [segment for segment in found if segment.archived_at is None]
    waiting = sum(segment.is_stale or segment.data_changed for segment in in_use)
    with st.container(horizontal=True):
        # Unsaved changes of a new segment are offered again, with a button that discards them.
        refused = refusal(Action.EDIT_SEGMENTS)
        if st.button("New segment", icon=":material/add:", type="primary", disabled=bool(refused), help=refused):
            address.open_editor()
        draw_job(
            "segments",
            start_label="Compute all",
            options={"ids": [segment.id for segment in in_use]},
            key="compute-all",
            help=f"{waiting} of these are not up to date." if waiting else "Recompute the members of each.",
            disabled=not in_use,
        )


def _draw_table(segments: Sequence[Segment]) -> Segment | None:
    uses = get_services().segments.used_in()
    event: Any = st.dataframe(
        pd.DataFrame([_row(segment, uses.get(segment.id, ())) for segment in segments]),
        hide_index=True,
        height="content",
        on_select="rerun",
        selection_mode="single-cell",
        key="segment-list",
        column_config={
            "Segment": st.column_config.TextColumn(width=180),
            "Customers": table_columns.count_column(width=86),
            "Share": table_columns.share_bar(width=112),
            "Sizes": st.column_config.LineChartColumn(width=80, help="The last 30 sizes"),
            "Computed": st.column_config.TextColumn(width=146),
            "Tags": st.column_config.ListColumn(width=128),
            "Used in": st.column_config.ListColumn(
                width=120, help="Segments that are built on this one, and campaigns"
            ),
        },
        alt="Segments",
    )
    rows = [row for row, _ in event.selection.cells if row < len(segments)]
    return segments[rows[0]] if rows else None


def _row(segment: Segment, used_in: Sequence[str]) -> dict[str, Any]:
    size = segment.size
    return {
        "Segment": segment.name,
        "Customers": size.customers if size else None,
        "Share": formatting.rounded_share(size.customers / size.base) if size and size.base else None,
        "Sizes": list(segment.sizes_recent) if len(segment.sizes_recent) > 1 else [],
        "Computed": state_of(segment),
        "Tags": list(segment.tags),
        "Used in": list(used_in),
        "Description": segment.description,
    }


def fewer_than(smallest: int) -> str:
    """In place of a size that is not shown."""
    return f"Fewer than {formatting.count(smallest)} customers, or all but fewer"


def state_of(segment: Segment) -> str:
    """When the members were last computed, or why they are out of date."""
    if segment.error:
        return "⚠ Failed"
    if segment.fewer_than is not None:
        return fewer_than(segment.fewer_than)
    if segment.size is None:
        return "Not yet"
    when = formatting.moment(segment.size.at)
    if segment.is_stale:
        return f"⚠ Rule changed since {when}"
    return f"{when}, data changed since" if segment.data_changed else when
