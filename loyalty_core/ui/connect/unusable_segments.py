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
    """Those that are built on others first; raises `SegmentInUse` where campaigns or other segments use each."""
    repository, actor = services_of_process().segments, current_viewer().id
    waiting = list(segments)
    while waiting:
        still_used: list[Segment] = []
        refused: SegmentInUse | None = None
        for segment in waiting:
            try:
                repository.archive(segment.id, actor=actor)
            except SegmentInUse as error:
                still_used.append(segment)
                refused = error
        if refused and len(waiting) == len(segments) == len(still_used):
            raise refused
        if len(still_used) == len(waiting):
            return
        waiting = still_used
