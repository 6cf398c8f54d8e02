"""Every route of the API for every role: refused exactly where none of its roles allows what the route needs."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from loyalty_core.access import ROLES, Action, NotAllowed, Viewer, acting_as
from loyalty_core.api.access import allowed, open_to_all, require_declared_actions, routes_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loyalty_core.api.access import RouteAccess
    from tests.workbench import Configure

NO_ROLE = "none"
PREDICTION = {"customer_id": "1"}
PROBES = {"/health/live", "/health/live/", "/health/ready", "/health/ready/"}
# Whoever has the signed link of a message may open them.
SIGNED = {"/contact/unsubscribe/{token}/", "/contact/preferences/{token}/"}


@pytest.fixture(scope="module")
def api(api_of_all: FastAPI) -> FastAPI:
    return api_of_all


@pytest.fixture(scope="module")
def routes(api: FastAPI) -> list[RouteAccess]:
    return list(routes_of(api))


@pytest.fixture(autouse=True)
def _people_sign_in(demo_settings: Configure):
    demo_settings(sign_in="openid")


def anna(role: str) -> Viewer:
    return Viewer("anna", frozenset({role}))


def answers(
    api: FastAPI, routes: Iterable[RouteAccess], viewer: Viewer | None
) -> dict[tuple[str, str, bool], tuple[int, str]]:
    """Status and error code by method, path and whether the body was empty; asked by the viewer or by nobody."""

    async def ask_all() -> dict[tuple[str, str, bool], tuple[int, str]]:
        transport = httpx.ASGITransport(api)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return {
                (method, route.path, body is None): outcome(await client.request(method, path_of(route), json=body))
                for route in routes
                for method in route.methods
                # A well-formed request for a prediction takes a shorter way than others.
                for body in ([None] if method == "GET" else [None, PREDICTION])
            }

    if viewer is None:
        return asyncio.run(ask_all())
    with acting_as(viewer):
        return asyncio.run(ask_all())


def path_of(route: RouteAccess) -> str:
    return re.sub(r"\{[^}]+\}", "1", route.path)


def outcome(answer: httpx.Response) -> tuple[int, str]:
    is_error = answer.status_code >= 400 and answer.headers["content-type"] == "application/json"
    return answer.status_code, answer.json()["error"] if is_error else ""


def test_every_route_says_what_it_needs(routes: list[RouteAccess]):
    assert len(routes) > 50
    assert {route.path for route in routes if not route.actions} == PROBES | SIGNED


@pytest.mark.parametrize("role", [*ROLES, NO_ROLE])
def test_a_route_is_refused_to_roles_without_its_actions(api: FastAPI, routes: list[RouteAccess], role: str):
    viewer = anna(role)
    closed = [route for route in routes if route.actions and not route.actions <= viewer.actions]
    assert bool(closed) is (role != "admin")
    found = answers(api, closed, viewer)
    assert {where: answer for where, answer in found.items() if answer != (403, "not_allowed")} == {}


@pytest.mark.parametrize("role", ROLES)
def test_a_route_is_open_to_roles_with_its_actions(api: FastAPI, routes: list[RouteAccess], role: str):
    """The checks alone, since behind them work would start."""
    viewer, refused = anna(role), set[tuple[str, frozenset[str]]]()
    with acting_as(viewer):
        for route, checks in checks_of_routes(api).items():
            try:
                for check in checks:
                    asyncio.run(check())
            except NotAllowed:
                refused.add(route)
    closed = [route for route in routes if route.actions and not route.actions <= viewer.actions]
    assert refused == {(route.path, route.methods) for route in closed}


def checks_of_routes(api: FastAPI) -> dict[tuple[str, frozenset[str]], list[Any]]:
    return {
        (route.path or "", frozenset(route.methods or ())): [
            one.dependency for one in route.dependencies if hasattr(one.dependency, "action")
        ]
        for route in iter_route_contexts(api.routes)
        if isinstance(route.original_route, APIRoute)
    }


def test_nobody_is_answered_but_by_the_probes(api: FastAPI, routes: list[RouteAccess]):
    closed = answers(api, (route for route in routes if route.path not in PROBES | SIGNED), None)
    assert {where: answer for where, answer in closed.items() if answer != (401, "not_signed_in")} == {}
    probes = answers(api, (route for route in routes if route.path in PROBES), None)
    assert {status for status, _ in probes.values()} == {200}
    unsigned = answers(api, (route for route in routes if route.path in SIGNED), None)
    assert {status for status, _ in unsigned.values()} <= {404, 429}


def test_a_route_that_forgets_its_action_is_not_served():
    async def answer() -> None:
        """Nothing."""

    api, router = FastAPI(openapi_url=None), APIRouter()
    api.get("/open", dependencies=[open_to_all])(answer)
    api.get("/closed", dependencies=[allowed(Action.VIEW)])(answer)
    require_declared_actions(api)
    router.get("/forgotten")(answer)
    api.include_router(router)
    with pytest.raises(RuntimeError, match="/forgotten"):
        require_declared_actions(api)
