"""The editor: fields on the left, the rule in the middle, its figures on the right."""

from dataclasses import dataclass

import streamlit as st

from loyalty_core.errors import LoyaltyError
from loyalty_core.limits import TooBusy
from loyalty_core.rules import RuleError
from loyalty_core.segments import RuleFields, SegmentNotFound, Selection
from loyalty_core.segments.figures import Preview
from loyalty_core.services import get_services
from loyalty_core.ui.fragments import fragment
from loyalty_core.ui.frame import browser_title
from loyalty_core.ui.messages import errors_shown, show_error
from loyalty_core.ui.segments import address
from loyalty_core.ui.segments.detail.view import draw_way_back
from loyalty_core.ui.segments.editor import live
from loyalty_core.ui.segments.editor.editor_state import Editor, discard_editor, open_editor_state
from loyalty_core.ui.segments.editor.fields_panel import draw_fields
from loyalty_core.ui.segments.editor.json_editor import draw_json_editor
from loyalty_core.ui.segments.editor.rule_builder import draw_rule_builder
from loyalty_core.ui.segments.editor.save import draw_overtaken, save_dialog
from loyalty_core.ui.segments.editor.sql_view import draw_sql
from loyalty_core.ui.text import escape
from loyalty_core.ui.work_slots import evaluation_slot
from loyalty_core.warehouse import Column

_VISUAL, _JSON, _SQL = ":material/account_tree: Visual", ":material/data_object: JSONLogic", ":material/database: SQL"
_UNFINISHED = "To save, complete or delete unfinished conditions."


def draw_editor(place: address.Address) -> None:
    """Edit a segment's rule, or a new one."""
    fields = get_services().segmentation.read_fields(place.segment_id)
    try:
        editor = open_editor_state(place, fields)
    except SegmentNotFound as error:
        draw_way_back()
        show_error(error, retry=False)
        return
    _draw_heading(editor)
    _draw_warnings(editor, place)
    panel, rest = st.columns([1.2, 3.2], gap="medium")
    with panel:
        _draw_fields(editor, fields)
    with rest:
        _draw_rule(editor)


def _draw_heading(editor: Editor) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("", icon=":material/arrow_back:", type="tertiary", help="Back; unsaved changes stay available"):
            if editor.segment is not None:
                address.open_segment(editor.segment.id)
            address.open_list()
        title = f"Edit {editor.segment.name}" if editor.segment else "New segment"
        browser_title(title, sidebar="collapsed")  # three columns need the room
        st.title(escape(title), anchor=False)


def _draw_warnings(editor: Editor, place: address.Address) -> None:
    if place.is_damaged:
        st.warning(
            "The rule in the link cannot be read; the link may have been cut off. Ask for it again.",
            icon=":material/link_off:",
        )
    if editor.is_overtaken:
        draw_overtaken(editor)


@fragment(parallel=True)
def _draw_fields(editor: Editor, fields: RuleFields) -> None:
    inserted = st.session_state.get("field-inserted", 0)

    def insert(column: Column) -> None:
        editor.insert(column)
        st.session_state["field-inserted"] = inserted + 1

    with errors_shown():
        draw_fields(fields, insert)
    if st.session_state.get("field-inserted", 0) != st.session_state.get("field-inserted-drawn", 0):
        st.session_state["field-inserted-drawn"] = st.session_state["field-inserted"]
        st.rerun()


@dataclass(frozen=True)
class _Figures:
    """The figures of the rule; without figures, the error says why."""

    selection: Selection | None = None
    preview: Preview | None = None
    error: LoyaltyError | None = None


@fragment()
def _draw_rule(editor: Editor) -> None:
    fields = editor.take_fields()
    middle, right = st.columns([1.9, 1], gap="medium")
    with right:
        figures = _draw_size(editor, fields)
    with middle:
        _draw_forms(editor, fields, figures)
    with right:
        _draw_outcome(editor, figures)


def _draw_size(editor: Editor, fields: RuleFields) -> _Figures:
    try:
        with evaluation_slot():
            selection = get_services().segmentation.select(editor.draft.rule(), fields=fields)
            # First, since it is what an analyst waits for, and a count takes a third of the time of all figures.
            _draw_members(editor, selection.size())
            editor.latest_preview = selection.preview()
        return _Figures(selection, editor.latest_preview)
    except LoyaltyError as error:
        if isinstance(error, TooBusy) and editor.latest_preview:
            _draw_members(editor, editor.latest_preview)
            st.caption(":material/history: As last evaluated, perhaps before your last change.")
        return _Figures(error=error)


def _draw_members(editor: Editor, preview: Preview) -> None:
    saved = editor.segment.size if editor.segment else None
    live.draw_size(preview, saved.customers if saved and editor.is_changed else None)


def _draw_forms(editor: Editor, fields: RuleFields, figures: _Figures) -> None:
    first = _JSON if editor.draft.is_raw else _VISUAL
    visual, as_json, as_sql = st.tabs([_VISUAL, _JSON, _SQL], default=first, key="editor-form", on_change="rerun")
    if visual.open:
        with visual:
            notes = editor.notes(figures.preview) if figures.preview else {}
            draw_rule_builder(editor.draft, fields.columns, notes, on_change=editor.follow_draft)
    if as_json.open:
        with as_json:
            faults = editor.text_faults or (figures.error.faults if isinstance(figures.error, RuleError) else ())
            draw_json_editor(
                editor.text, faults, key="rule-json", on_change=lambda text: editor.take_text(text, fields.columns)
            )
    if as_sql.open:
        with as_sql, errors_shown():
            if figures.selection is None:
                st.info("Once the rule can be used, its SQL is shown here.", icon=":material/database:")
            else:
                with evaluation_slot():
                    draw_sql(figures.selection)


def _draw_outcome(editor: Editor, figures: _Figures) -> None:
    selection, preview, error = figures.selection, figures.preview, figures.error
    if error is not None:
        show_error(error, retry=not isinstance(error, RuleError))
    _draw_actions(editor, is_usable=preview is not None)
    if selection is None or preview is None:
        return
    with errors_shown():
        live.draw_certainty(preview)
        live.draw_sentence(selection)
        if preview.steps:
            live.draw_funnel(preview.steps, preview.customers)
        live.draw_first_members(selection)


def _draw_actions(editor: Editor, *, is_usable: bool) -> None:
    fits = address.write_rule(editor.draft.rule() if editor.is_changed else None, editor.version)
    editor.link = address.encoded_rule()
    unfinished = bool(editor.draft.incomplete() or editor.text_faults)
    with st.container(horizontal=True, gap="small"):
        if st.button(
            "Save",
            icon=":material/save:",
            type="primary",
            disabled=unfinished or not is_usable,
            help=_UNFINISHED if unfinished else None,
        ):
            save_dialog(editor)
        if st.button("Discard", icon=":material/close:", disabled=not editor.is_changed):
            discard_editor(editor)
            address.write_rule(None)
            st.rerun()
    if unfinished:
        st.caption(_UNFINISHED)
    if not fits:
        st.caption("The rule is too long for the page's address: until it is saved, links do not include it.")
