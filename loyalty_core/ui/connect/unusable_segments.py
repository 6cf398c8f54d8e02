"""Segments belong to the workbench, not to the data: those made for other columns cannot be computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from loyalty_core.access import Action, current_viewer
from loyalty_core.services import services_of_process
from loyalty_core.ui.access.changes import change
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.rights import refusal
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loyalty_core.segments import Segment


def draw_unusable_segments() -> None:
    """The segments that the data in use has no columns for, and a button that archives them; nothing without any."""
    with errors_shown():
        unusable = _unusable()
        if not unusable:
            return
        unused, users = _unused(unusable)
        text = (
            "Segments that cannot be computed, because this data lacks columns that they read: "
            f"{_names(segment.name for segment in unusable)}. Archived segments can be restored on Segments."
        )
        if users:
            text += f" Segments read by {_names(users)} stay."
        st.warning(text, icon=":material/groups:")
        refused = refusal(Action.EDIT_SEGMENTS)
        if unused and st.button(
            "Archive them" if len(unused) == len(unusable) else f"Archive {_names(one.name for one in unused)}",
            icon=":material/archive:",
            key="archive-unusable-segments",
            disabled=bool(refused),
            help=refused,
        ):
            change(lambda: _archive(unused))


def _names(names: Iterable[str]) -> str:
    return escape(", ".join(names))


def _unusable() -> list[Segment]:
    services = services_of_process()
    without = services.segmentation.read_fields().without_columns()
    return [segment for segment in services.segments.list() if segment.id in without]


def _unused(segments: Sequence[Segment]) -> tuple[list[Segment], list[str]]:
    """Those that can be archived, each after the ones that are built on it; and what uses the others, by name."""
    used_in = services_of_process().segments.used_in()
    waiting = list(segments)
    found: list[Segment] = []
    while True:
        archived = {segment.name for segment in found}
        free = [segment for segment in waiting if archived.issuperset(used_in.get(segment.id, ()))]
        if not free:
            break
        found += free
        waiting = [segment for segment in waiting if segment not in free]
    return found, sorted({name for segment in waiting for name in used_in[segment.id]})


def _archive(segments: Sequence[Segment]) -> None:
    for segment in segments:
        services_of_process().segments.archive(segment.id, actor=current_viewer().id)
