"""Every version of a segment: who saved it, when, what changed, the difference of the rules, and Restore."""

import difflib
import json
from itertools import pairwise
from typing import Any

import streamlit as st

from loyalty_core.access import Action, current_viewer
from loyalty_core.errors import LoyaltyError
from loyalty_core.segments import Segment, SegmentVersion
from loyalty_core.services import get_services
from loyalty_core.ui import formatting
from loyalty_core.ui.messages import show_error
from loyalty_core.ui.rights import refusal
from loyalty_core.ui.segments.computing import compute_one
from loyalty_core.ui.text import escape


def draw_versions(segment: Segment) -> None:
    """The versions, newest first; each but the newest can be restored."""
    versions = get_services().segments.versions(segment.id)
    before = {later.number: earlier for later, earlier in pairwise(versions)}
    for version in versions:
        with st.container(border=True, gap="small"):
            asked_for = _draw_heading(segment, version)
            for change in version.changes:
                st.markdown(f"- {escape(change)}")
            _draw_rule(version, before.get(version.number))
            if asked_for:
                _restore(segment, version)


def _draw_heading(segment: Segment, version: SegmentVersion) -> bool:
    """Number, author and time; returns whether the version is to be restored."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**Version {formatting.count(version.number)}** · {escape(version.actor)} · "
            f"{formatting.moment(version.at)}",
            width="stretch",
        )
        if version.number == segment.version:
            st.badge("Current", color="green")
            return False
        refused = refusal(Action.EDIT_SEGMENTS)
        return st.button(
            "Restore",
            key=f"restore-{version.number}",
            icon=":material/settings_backup_restore:",
            disabled=bool(refused),
            help=refused,
        )


def _draw_rule(version: SegmentVersion, before: SegmentVersion | None) -> None:
    st.caption(escape(_sentence(version.rule)))
    if before is not None and before.rule != version.rule:
        with st.expander(f"Difference from version {formatting.count(before.number)}", icon=":material/difference:"):
            st.caption(escape(f"Before: {_sentence(before.rule)}"))
            st.code(_difference(before.rule, version.rule), language="diff")


def _sentence(rule: Any) -> str:
    try:
        return get_services().segmentation.compile(rule).describe()
    except LoyaltyError as error:
        return f"This rule can no longer be used. {error}"


def _difference(before: Any, after: Any) -> str:
    old, new = (json.dumps(rule, indent=2, ensure_ascii=False).splitlines() for rule in (before, after))
    changed = list(difflib.unified_diff(old, new, lineterm="", n=3))[2:]
    return "\n".join(line for line in changed if not line.startswith("@@"))


def _restore(segment: Segment, version: SegmentVersion) -> None:
    try:
        get_services().segmentation.restore(segment.id, version.number, actor=current_viewer().id)
    except LoyaltyError as error:
        show_error(error, retry=False)
        return
    compute_one(segment.id, "edit")
    st.rerun()
