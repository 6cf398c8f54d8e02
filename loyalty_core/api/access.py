"""Which action a route needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from loyalty_core.access import Action, require
from loyalty_core.telemetry import note_viewer

if TYPE_CHECKING:
    from collections.abc import Iterator


def allowed(action: Action) -> Any:
    """For `dependencies` of a route: 403 unless the viewer's roles allow the action."""

    async def check() -> None:
        note_viewer(require(action).id)

    check.action = action  # pyright: ignore[reportFunctionMemberAccess]
    return Depends(check)


async def _nothing() -> None:
    """No check."""


open_to_all = Depends(_nothing)
"""For `dependencies` of a route that answers without sign-in, such as a probe."""


@dataclass(frozen=True)
class RouteAccess:
    """A route and the actions it needs: none if it is open to all, None if it does not say."""

    path: str
    methods: frozenset[str]
    actions: frozenset[Action] | None


def routes_of(api: FastAPI) -> Iterator[RouteAccess]:
    """Every route of the API."""
    for route in iter_route_contexts(api.routes):
        if isinstance(route.original_route, APIRoute):
            checks = [depends.dependency for depends in route.dependencies]
            actions = frozenset(action for check in checks if (action := getattr(check, "action", None)))
            declared = bool(actions) or _nothing in checks
            yield RouteAccess(route.path or "", frozenset(route.methods or ()), actions if declared else None)


def require_declared_actions(api: FastAPI) -> None:
    """Refuse to serve a route that nobody has given an action. Raises `RuntimeError`."""
    forgotten = [route.path for route in routes_of(api) if route.actions is None]
    if forgotten:
        raise RuntimeError(f"These routes need an action (loyalty_core/api/access.py): {', '.join(forgotten)}")
