"""Content types that a client accepts (RFC 9110, section 12.5.1): 406 where a route answers with none of them."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

_JSON = "application/json"


async def refuse_unacceptable(request: Request) -> None:
    """406 if the client accepts none of the types that the route answers with; errors are JSON whatever it accepts."""
    accept = ",".join(request.headers.getlist("accept"))
    route = request.scope.get("route")
    if accept in {"", "*/*"} or not isinstance(route, APIRoute) or not route.include_in_schema:
        return
    offered = _types_of(route)
    if offered and not _accepts_any(accept, offered):
        types = " or ".join(offered)
        raise HTTPException(
            406, f"The Accept header excludes {types}, which this route answers with: accept it, or */*."
        )


def _types_of(route: APIRoute) -> tuple[str, ...]:
    """The types of the answers that the route describes; none for one that answers without content."""
    if route.status_code == 204:
        return ()
    described = route.responses.get(200, {}).get("content", {})
    return tuple(described) or (_JSON,)


@lru_cache(maxsize=256)
def _accepts_any(accept: str, offered: Sequence[str]) -> bool:
    weights = dict(_ranges(accept))
    return not weights or any(_weight(one, weights) > 0 for one in offered)


def _weight(media_type: str, weights: dict[str, float]) -> float:
    """That of the most specific range which holds the type."""
    main = media_type.partition("/")[0]
    return next((weights[one] for one in (media_type, f"{main}/*", "*/*") if one in weights), 0.0)


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    """Each range of types with its weight; "*" is what some clients send for all."""
    for part in accept.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        if name:
            yield "*/*" if name == "*" else name, _quality(parameters)


def _quality(parameters: list[str]) -> float:
    given = next((one[2:] for one in parameters if one.startswith("q=")), "1")
    try:
        return float(given)
    except ValueError:
        return 1.0
