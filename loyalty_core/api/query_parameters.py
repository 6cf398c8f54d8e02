"""Query parameters that no route reads are refused, since a misspelled filter would be ignored silently."""

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from loyalty_core.names import nearest_names


async def _nothing() -> None:
    """No check."""


accept_unknown_parameters = Depends(_nothing)
"""For `dependencies` of a route to whose address others add parameters."""


async def refuse_unknown_parameters(request: Request) -> None:
    """422 that names the first parameter which the route does not have."""
    if not request.query_params:
        return
    route = request.scope.get("route")
    if isinstance(route, APIRoute) and accept_unknown_parameters in route.dependencies:
        return
    known = _parameters(route)
    for name in request.query_params:
        if name not in known:
            raise RequestValidationError([_unknown(name[:60], known)])


def _parameters(route: object) -> set[str]:
    return _names(route.dependant) if isinstance(route, APIRoute) else set()


def _names(dependant: Dependant) -> set[str]:
    """Those of the route, and of the dependencies that it has."""
    own = {field.alias for field in dependant.query_params}
    return own.union(*map(_names, dependant.dependencies))


def _unknown(name: str, known: set[str]) -> dict[str, object]:
    near = nearest_names(name, known) if known else []
    remedy = f" Did you mean {near[0]}?" if near else f" Known: {', '.join(sorted(known))}." if known else ""
    sentence = f"There is no such parameter.{remedy}"
    return {"type": "value_error", "loc": ("query", name), "msg": sentence, "input": None}
