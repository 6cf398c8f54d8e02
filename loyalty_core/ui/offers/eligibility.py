"""Who may get an offer: the segment editor's rule builder in a dialog."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from loyalty_core.errors import LoyaltyError
from loyalty_core.services import get_services
from loyalty_core.ui import formatting
from loyalty_core.ui.messages import show_error
from loyalty_core.ui.segments.editor.editor_state import Editor
from loyalty_core.ui.segments.editor.rule_builder import draw_rule_builder
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from loyalty_core.ui.offers.policy_state import PolicyDraft

_KEY = "eligibility-editor"


def eligibility_dialog(draft: PolicyDraft, offer: int, name: str) -> None:
    """Edit the rule of an offer; it takes effect once it is applied."""
    fields = get_services().segmentation.fields()
    st.session_state[_KEY] = Editor(None, draft.policy.offers[offer].rule, fields)
    _dialog(f"Who may get {escape(name)}", draft, offer)


def _dialog(title: str, draft: PolicyDraft, offer: int) -> None:
    st.dialog(title, width="large", icon=":material/rule:")(_draw)(draft, offer)


def _draw(draft: PolicyDraft, offer: int) -> None:
    editor: Editor = st.session_state[_KEY]
    engine = get_services().segmentation
    fields, preview = engine.read_fields(), None
    try:
        preview = engine.select(editor.draft.rule(), fields=fields).preview()
    except LoyaltyError as error:
        show_error(error)
    notes = editor.notes(preview) if preview else {}
    draw_rule_builder(editor.draft, fields.columns, notes, on_change=editor.follow_draft)
    unfinished = bool(editor.draft.incomplete())
    with st.container(horizontal=True, vertical_alignment="center"):
        if preview is not None:
            st.caption(
                f"{formatting.count(preview.members)} of all {formatting.count(preview.customers)} customers "
                "may get it.",
                width="stretch",
            )
        if st.button("Everyone", key="eligibility-everyone", help="Remove the rule."):
            draft.set_rule(offer, {})
            st.rerun()
        if st.button(
            "Apply",
            key="eligibility-apply",
            type="primary",
            icon=":material/check:",
            disabled=preview is None or unfinished,
            help="Finish or delete the conditions that have no value yet." if unfinished else None,
        ):
            draft.set_rule(offer, editor.draft.rule())
            st.rerun()
