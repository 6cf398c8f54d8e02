"""Who is acting now, in this thread or task."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from loyalty_core.access.actions import ROLES, Action
from loyalty_core.access.errors import NotAllowed, NotSignedIn
from loyalty_core.access.viewer import Viewer
from loyalty_core.settings import Settings, get_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    ViewerSource = Callable[[], Viewer | None]

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

TERMINAL = "terminal"


def _nobody() -> Viewer | None:
    return None


_acting: ContextVar[Viewer | None] = ContextVar("acting_viewer", default=None)
_source: ViewerSource = _nobody


def current_viewer() -> Viewer:
    """Whoever is acting; without sign-in the local user, who may do everything. Raises `NotSignedIn` for nobody."""
    viewer = _acting.get() or _source()
    if viewer is not None:
        return viewer
    settings = get_settings()
    if settings.sign_in != "off":
        raise NotSignedIn("Nobody is signed in.", remedy="Sign in, or send an API key.")
    return local_viewer(settings)


def local_viewer(settings: Settings, place: str = "") -> Viewer:
    """Whoever uses the app without sign-in: named by a setting, never after the operating system's account."""
    return _local_viewer(settings.local_user, place)


@lru_cache(maxsize=128)
def _local_viewer(name: str, place: str) -> Viewer:
    return Viewer(name, frozenset(ROLES), place=place)


def terminal_viewer() -> Viewer:
    """Whoever runs a command in a terminal: they can read the settings and every file, so they may do everything."""
    return Viewer(f"{get_settings().local_user} ({TERMINAL})", frozenset(ROLES), place=TERMINAL)


def acting_as(viewer: Viewer) -> AbstractContextManager[None]:
    """Within the block, `viewer` is the one who acts in this thread or task."""
    return _Acting(viewer)


class _Acting:
    """A class, which costs each request a third of what a generator costs."""

    __slots__ = ("_token", "_viewer")

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer

    def __enter__(self) -> None:
        self._token = _acting.set(self._viewer)

    def __exit__(self, *_: object) -> None:
        _acting.reset(self._token)


@contextmanager
def process_acts_as(viewer: Viewer) -> Iterator[None]:
    """Within the block, `viewer` acts in every thread of this process: for jobs."""
    with _resolving_by(lambda: viewer):
        yield


def terminal_command(main: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """The `main` of a command, during which the terminal viewer acts in every thread of this process."""

    @wraps(main)
    def command(*arguments: _Arguments.args, **options: _Arguments.kwargs) -> _Result:
        # The viewer is created when asked for: reading the settings may fail, which `main` reports in its own way.
        with _resolving_by(terminal_viewer):
            return main(*arguments, **options)

    return command


@contextmanager
def _resolving_by(source: ViewerSource) -> Iterator[None]:
    before = _source
    resolve_viewers_by(source)
    try:
        yield
    finally:
        resolve_viewers_by(before)


def resolve_viewers_by(source: ViewerSource) -> None:
    """Ask `source` who acts in threads and tasks that are within no `acting_as`; it returns None for nobody."""
    global _source  # noqa: PLW0603 -- one for the process, as the settings are
    _source = source


def acting_from() -> str:
    """Where the current viewer acts from, for the audit trail; empty where that is not known."""
    try:
        return current_viewer().place
    except NotSignedIn:
        return ""


def may(action: Action) -> bool:
    """Whether somebody is acting who may do this."""
    try:
        return current_viewer().may(action)
    except NotSignedIn:
        return False


def require(action: Action) -> Viewer:
    """The current viewer, if their roles allow the action; otherwise raises `NotAllowed` or `NotSignedIn`."""
    viewer = current_viewer()
    if not viewer.may(action):
        raise NotAllowed(
            f"{viewer.name or viewer.id} may not {action.phrase}.",
            "None of their roles allows it." if viewer.roles else "They have no role yet.",
            "Ask an admin for a role that does.",
        )
    return viewer
