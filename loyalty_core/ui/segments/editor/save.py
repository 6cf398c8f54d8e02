"""Saving a rule as a segment or as its next version, then computing its members."""

import streamlit as st

from loyalty_core.errors import LoyaltyError
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import get_services
from loyalty_core.ui import formatting as format
from loyalty_core.ui.messages import errors_shown, escape, show_error
from loyalty_core.ui.segments import address
from loyalty_core.ui.segments.computing import compute_one
from loyalty_core.ui.segments.editor.editor_state import Editor, discard_editor
from loyalty_core.ui.viewer import viewer_name


@st.dialog("Save segment", icon=":material/save:")
def save_dialog(editor: Editor) -> None:
    """Ask for name, description and tags; keep the segment, compute it and open it."""
    segment = editor.segment
    name = st.text_input(
        "Name", segment.name if segment else "", max_chars=120, key="save-name", placeholder="What to call them"
    )
    description = st.text_area(
        "Description", segment.description if segment else "", max_chars=2_000, key="save-description", height=90
    )
    tags = st.multiselect(
        "Tags",
        get_services().segments.tags(),
        list(segment.tags) if segment else [],
        key="save-tags",
        accept_new_options=True,
        placeholder="Choose or type",
    )
    if segment is None:
        with errors_shown():
            _warn_of_duplicates(editor)
    # Never disabled: a name that is being typed arrives together with the click.
    if st.button("Save", key="save-now", type="primary", icon=":material/save:"):
        _save(editor, SegmentDraft(name, editor.draft.rule(), description, tuple(tags)))


def _warn_of_duplicates(editor: Editor) -> None:
    similar = get_services().segmentation.near_duplicates(editor.draft.rule())
    if similar:
        nearest = similar[0]
        name = escape(get_services().segments.names()[nearest.segment_id])
        st.info(
            f"Nearly the same as **{name}**: of the customers in either, {format.percent(nearest.similarity, 1)} are "
            "in both.",
            icon=":material/content_copy:",
        )


def _save(editor: Editor, draft: SegmentDraft) -> None:
    services = get_services()
    try:
        if editor.segment is None:
            kept = services.segmentation.create(draft, actor=viewer_name())
        else:
            version = editor.segment.version
            kept = services.segmentation.update(editor.segment.id, draft, actor=viewer_name(), expected_version=version)
    except LoyaltyError as error:
        show_error(error, retry=False)
        return
    discard_editor(editor)
    compute_one(kept.id, "edit")
    address.open_segment(kept.id)
