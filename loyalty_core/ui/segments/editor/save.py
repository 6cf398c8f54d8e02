"""Saving a rule as a segment or as its next version, then computing its members."""

import streamlit as st

from loyalty_core.access import current_viewer
from loyalty_core.errors import LoyaltyError
from loyalty_core.segments import SegmentChanged, SegmentDraft
from loyalty_core.segments.repository import copy_name
from loyalty_core.services import get_services
from loyalty_core.store.versioned import name_key
from loyalty_core.ui import formatting
from loyalty_core.ui.messages import errors_shown, show_error
from loyalty_core.ui.segments import address
from loyalty_core.ui.segments.computing import compute_one
from loyalty_core.ui.segments.editor.editor_state import Editor, discard_editor
from loyalty_core.ui.text import escape
from loyalty_core.ui.work_slots import evaluation_slot


def draw_overtaken(editor: Editor) -> None:
    """Say that somebody saved a newer version, and offer what can be done."""
    _draw_refusal(editor)
    with st.container(horizontal=True, gap="small"):
        _draw_open_newest(editor)
        if st.button("Save as copy", key="overtaken-copy", icon=":material/content_copy:"):
            save_dialog(editor)


@st.dialog("Save segment", icon=":material/save:")
def save_dialog(editor: Editor) -> None:
    """Ask for name, description and tags; save the segment, compute it and open it.

    A draft that was overtaken by a newer version can only be saved as another segment.
    """
    segment, is_copy = editor.segment, editor.is_overtaken
    if is_copy:
        _draw_refusal(editor)
    # No limit of characters: the browser would silently drop a longer text; saving reports what is too long.
    name = st.text_input(
        "Name", _first_name(editor), key="save-copy-name" if is_copy else "save-name", placeholder="Name of the segment"
    )
    description = st.text_area("Description", segment.description if segment else "", key="save-description", height=90)
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
    draft = SegmentDraft(name, editor.draft.rule(), description, tuple(tags))
    with st.container(horizontal=True, gap="small"):
        # Never disabled: a name that is being typed arrives together with the click.
        if st.button("Save as copy" if is_copy else "Save", key="save-now", type="primary", icon=":material/save:"):
            _save(editor, draft, is_copy=is_copy)
        if is_copy:
            _draw_open_newest(editor, key="save-open-newest")


def _draw_refusal(editor: Editor) -> None:
    if editor.newest is None:
        return
    st.warning(
        f"{escape(editor.newest.updated_by)} saved version {formatting.count(editor.newest.version)} while you were "
        f"editing version {escape(str(editor.version))}. Yours cannot be saved over it.",
        icon=":material/group:",
    )


def _draw_open_newest(editor: Editor, key: str = "overtaken-open") -> None:
    if st.button("Open newest", key=key, icon=":material/refresh:", help="Discards your changes"):
        discard_editor(editor)
        address.open_editor(editor.segment_id)


def _first_name(editor: Editor) -> str:
    if editor.segment is None or not editor.is_overtaken:
        return editor.segment.name if editor.segment else ""
    taken = {name_key(name) for name in get_services().segments.names().values()}
    return copy_name(editor.segment.name, taken)


def _warn_of_duplicates(editor: Editor) -> None:
    with evaluation_slot():
        similar = get_services().segmentation.near_duplicates(editor.draft.rule())
    if similar:
        nearest = similar[0]
        name = escape(get_services().segments.names()[nearest.segment_id])
        st.info(
            f"Nearly the same as **{name}**: of the customers in either, "
            f"{formatting.percent(nearest.similarity, 1)} are in both.",
            icon=":material/content_copy:",
        )


def _save(editor: Editor, draft: SegmentDraft, *, is_copy: bool) -> None:
    engine, segment = get_services().segmentation, editor.segment
    try:
        with evaluation_slot(ends_with_page=False):
            if segment is None or editor.version is None or is_copy:
                saved = engine.create(draft, actor=current_viewer().id)
            else:
                saved = engine.update(segment.id, draft, actor=current_viewer().id, expected_version=editor.version)
    except SegmentChanged:
        editor.read_newest()
        st.rerun(scope="fragment")
    except LoyaltyError as error:
        show_error(error, retry=False)
        return
    discard_editor(editor)
    compute_one(saved.id, "edit")
    address.open_segment(saved.id)
