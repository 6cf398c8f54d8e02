"""Figures of the whole base wait for a slot, which all screens and the API share, so that they starve nothing else."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING

import streamlit as st

from loyalty_core.access import current_viewer
from loyalty_core.cancellation import cancellable
from loyalty_core.services import get_services
from loyalty_core.ui.script_run import cancellation_of_run

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

# An analyst who waits longer than this is better served by a message than by a spinner.
_PATIENCE_SECONDS = 15.0
_KEY = "work-slots-of"

_has_slot: ContextVar[bool] = ContextVar("has_slot", default=False)


@contextmanager
def evaluation_slot(*, shows_waiting: bool = True, ends_with_page: bool = True) -> Iterator[None]:
    """Hold a slot until the block ends; within a block that holds one, nothing. Raises `TooBusy`.

    With `shows_waiting`, the page says that it waits, and stops waiting when the viewer changes something or leaves.
    Cached functions must do without, since Streamlit would repeat what they draw. With `ends_with_page`, a running
    statement is stopped then, too; what saves something must do without.
    """
    if _has_slot.get():
        yield
        return
    note = _WaitingNote() if shows_waiting else None
    evaluations = get_services().limits.evaluations
    with evaluations.slot(_viewer(), patience=_PATIENCE_SECONDS, while_waiting=note and note.draw):
        if note:
            note.remove()
        token = _has_slot.set(True)
        try:
            cancellation = cancellation_of_run() if ends_with_page else None
            with cancellable(cancellation) if shows_waiting else nullcontext():
                yield
        finally:
            _has_slot.reset(token)


class _WaitingNote:
    """Drawn again and again: whenever a script draws, Streamlit ends it if the viewer has changed something or left."""

    def __init__(self) -> None:
        self._place: DeltaGenerator | None = None

    def draw(self) -> None:
        self._place = self._place or st.empty()
        self._place.caption(":material/hourglass_top: Waiting for other evaluations …")

    def remove(self) -> None:
        if self._place:
            self._place.empty()


def _viewer() -> str:
    """Whoever is signed in; without sign-in everyone is the local user, so each session counts by itself."""
    viewer = current_viewer().id
    if viewer != get_services().settings.local_user:
        return viewer
    return st.session_state.setdefault(_KEY, secrets.token_hex(8))
