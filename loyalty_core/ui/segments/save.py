"""Saving a rule as a segment or as its next version, then computing its members."""

import streamlit as st

from loyalty_core.errors import LoyaltyError
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import get_services
from loyalty_core.ui import format
from loyalty_core.ui.messages import errors_shown, escape, show_error
from loyalty_core.ui.segments import address
from loyalty_core.ui.segments.editor_state import Editor, discard_editor
from loyalty_core.ui.viewer import viewer_name


@st.dialog("Save segment", icon=":material/save:")
def save_dialog(editor: Editor) -> None:
    """Ask for name, description and tags; keep the segment, compute it and open it."""
    segment = editor.segment
    name = st.text_input("Name", segment.name if segment else "", max_chars=120, key="save-name")
    description = st.text_area(
        "Description", segment.description if segment else "", max_chars=2_000, key="save-description", height=90
    )
    known = get_services().segments.tags()
    tags = st.multiselect(
        "Tags",
        known,
        list(segment.tags) if segment else [],
        key="save-tags",
        accept_new_options=True,
        placeholder="Choose or type",
    )
    if segment is None:
        with errors_shown():
            _warn_of_duplicates(editor)
    if st.button("Save", key="save-now", type="primary", icon=":material/save:", disabled=not name.strip()):
        _save(editor, SegmentDraft(name, editor.draft.rule(), description, tuple(tags)))


def _warn_of_duplicates(editor: Editor) -> None:
    similar = get_services().segmentation.near_duplicates(editor.draft.rule())
    if similar:
        names = get_services().segments.names()
        nearest = similar[0]
        st.info(
            f"Nearly the same as **{escape(names[nearest.name])}**: "
            f"{format.percent(nearest.similarity)} of the customers of both are in both.",
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
        show_error(error)
        return
    discard_editor()
    try:
        with st.spinner("Computing the members …"):
            services.segmentation.refresh(kept.id, cause="edit")
    except LoyaltyError:
        pass  # kept with the segment, whose page says so
    address.open_segment(kept.id)
