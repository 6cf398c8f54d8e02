"""Who is acting now, in this thread or task."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from loyalty_core.access.actions import ROLES, Action
from loyalty_core.access.errors import NotAllowed
from loyalty_core.access.viewer import Viewer
from loyalty_core.settings import get_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

_acting: ContextVar[Viewer | None] = ContextVar("acting_viewer", default=None)


def current_viewer() -> Viewer:
    """Whoever is acting; without sign-in the local user, who may do everything."""
    return _acting.get() or Viewer(get_settings().local_user, frozenset(ROLES))


@contextmanager
def acting_as(viewer: Viewer) -> Iterator[None]:
    """Within the block, `viewer` is the one who acts."""
    token = _acting.set(viewer)
    try:
        yield
    finally:
        _acting.reset(token)


def require(action: Action) -> Viewer:
    """The current viewer, if their roles allow the action; otherwise raises `NotAllowed`."""
    viewer = current_viewer()
    if not viewer.may(action):
        raise NotAllowed(
            f"{viewer.id} may not do this.",
            f"None of their roles allows “{action.replace('_', ' ')}”.",
            "Ask an admin for a role that does.",
        )
    return viewer
