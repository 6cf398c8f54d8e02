"""Conditional requests (RFC 9110): an ETag with what was read, 304 when it is unchanged, 412 when it has changed."""

import hashlib
import re
from typing import Annotated, Any

import orjson
from fastapi import Depends, Header, Response

from loyalty_core.api.errors import PreconditionFailed
from loyalty_core.api.json_values import FastJSONResponse, dumps

_TAG = re.compile(r'(W/)?"([^"]*)"')


def etag_of(representation: Any) -> str:
    """A strong ETag: equal as long as the representation is."""
    return f'"{hashlib.sha256(dumps(representation, orjson.OPT_SORT_KEYS)).hexdigest()[:32]}"'


class Conditions:
    """The conditions of a request on the representation that it reads or changes."""

    def __init__(
        self,
        response: Response,
        if_match: Annotated[
            str | None, Header(description="ETag of what was read; 412 if it has changed since", max_length=1_000)
        ] = None,
        if_none_match: Annotated[
            str | None, Header(description="ETag of what is known; 304 if it is unchanged", max_length=1_000)
        ] = None,
    ) -> None:
        self._response = response
        self._if_match = if_match
        self._if_none_match = if_none_match

    def answer(self, representation: Any) -> Response:
        """The representation with its ETag, or 304 if the client has it already."""
        tag = etag_of(representation)
        known = self._if_none_match
        if known is not None and (known.strip() == "*" or tag in {f'"{name}"' for _, name in _TAG.findall(known)}):
            return Response(status_code=304, headers=self._headers(tag))
        return FastJSONResponse(representation, headers=self._headers(tag))

    @property
    def names_state(self) -> bool:
        """Whether If-Match is sent."""
        return self._if_match is not None

    def require_unchanged(self, representation: Any) -> None:
        """Raises `PreconditionFailed` if If-Match names other representations than the present one."""
        wanted = self._if_match
        if wanted is None or wanted.strip() == "*":
            return
        strong = {f'"{name}"' for weak, name in _TAG.findall(wanted) if not weak}
        if etag_of(representation) not in strong:
            raise PreconditionFailed(
                "It has been changed since you read it.",
                "If-Match does not name its present state.",
                "Read it again, and repeat the change with its new ETag.",
            )

    def mark(self, representation: Any) -> Any:
        """The representation after a change, whose ETag is sent with it."""
        self._response.headers["ETag"] = etag_of(representation)
        return representation

    def _headers(self, tag: str) -> dict[str, str]:
        # Those of dependencies are lost where a route answers with a response of its own.
        return {"ETag": tag, "Cache-Control": "private, no-cache"}


Conditional = Annotated[Conditions, Depends()]
