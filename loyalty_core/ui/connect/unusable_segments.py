"""Segments belong to the workbench, not to the data: those made for other columns cannot be computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from loyalty_core.access import Action, current_viewer
from loyalty_core.segments import SegmentInUse
from loyalty_core.services import services_of_process
from loyalty_core.ui.access.changes import change
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.rights import refusal
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loyalty_core.segments import Segment


def draw_unusable_segments() -> None:
    """The segments that the data in use has no columns for, and a button that archives them; nothing without any."""
    with errors_shown():
        unusable = _unusable()
        if not unusable:
            return
        names = ", ".join(segment.name for segment in unusable)
        st.warning(
            f"Segments that cannot be computed, because this data lacks columns that they read: {escape(names)}. "
            "Archived segments can be restored on Segments.",
            icon=":material/groups:",
        )
        refused = refusal(Action.EDIT_SEGMENTS)
        if st.button(
            "Archive them",
            icon=":material/archive:",
            key="archive-unusable-segments",
            disabled=bool(refused),
            help=refused or "Those that campaigns or other segments use stay.",
        ):
            change(lambda: _archive(unusable))


def _unusable() -> list[Segment]:
    services = services_of_process()
    without = services.segmentation.read_fields().without_columns()
    return [segment for segment in services.segments.list() if segment.id in without]


def _archive(segments: Sequence[Segment]) -> None:
    """Archive all that nothing else uses, those first that are built on others.

    Raises `SegmentInUse` where none can be archived.
    """
    repository, actor = services_of_process().segments, current_viewer().id
    waiting, refused = list(segments), None
    while waiting:
        still_used: list[Segment] = []
        for segment in waiting:
            try:
                repository.archive(segment.id, actor=actor)
            except SegmentInUse as error:
                still_used.append(segment)
                refused = error
        if len(still_used) == len(waiting):
            break
        waiting = still_used
    if refused and len(waiting) == len(segments):
        raise refused
