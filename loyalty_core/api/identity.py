"""Who sends a request: by API key, by the cookie of a sign-in, or by the header of a trusted proxy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NoReturn

from starlette.concurrency import run_in_threadpool
from starlette.types import Scope

from loyalty_core.access import NotSignedIn, Viewer, acting_as, local_viewer
from loyalty_core.accounts import SignIn, digest_of, prefix_of
from loyalty_core.api.attempts import Attempts
from loyalty_core.errors import LoyaltyError
from loyalty_core.services import Services, services_of_process
from loyalty_core.store import audit

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Send

ReadSignIn = Callable[[Scope], SignIn | None]

_SCHEMES = ("bearer ", "token ")
UNKNOWN = "unknown"
# Where a request has the function that finds its viewer anew.
_IDENTIFY = "loyalty.identify"


class Identify:
    """ASGI middleware: within it, whoever sends the request acts.

    A request that names nobody goes on without a viewer, and every route that is not open to all refuses it. A route
    that answers for a long time asks `is_still` whether the same viewer may go on.
    `read_sign_in` finds a sign-in among the headers of a request, and `refuse` turns an error into a response.
    """

    def __init__(self, app: ASGIApp, *, read_sign_in: ReadSignIn, refuse: Callable[[LoyaltyError], Response]) -> None:
        self._app = app
        self._read_sign_in = read_sign_in
        self._refuse = refuse
        self._attempts = Attempts()
        self._being_read: dict[tuple[str, str], asyncio.Task[Viewer]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            viewer = await self._find(scope)
        except LoyaltyError as error:
            await self._refuse(error)(scope, receive, send)
            return
        if viewer is None:
            await self._app(scope, receive, send)
            return
        scope[_IDENTIFY] = partial(self._find, scope)
        with acting_as(viewer):
            await self._app(scope, receive, send)

    async def _find(self, scope: Scope) -> Viewer | None:
        services, address = services_of_process(), _address(scope)
        if services.settings.sign_in == "off":
            return local_viewer(services.settings, address)
        if secret := _secret(scope):
            digest = digest_of(secret)
            viewer = services.viewers.cached(digest)
            if viewer is None:
                viewer = await self._read_once(digest, address, partial(self._read_key, services, secret, address))
            return _at(viewer, address)
        sign_in = self._read_sign_in(scope)
        if sign_in is None:
            return None
        viewer = services.viewers.cached(sign_in.digest)
        if viewer is None:
            read = partial(services.viewers.of_sign_in, sign_in)
            viewer = await self._read_once(sign_in.digest, address, read)
        return _at(viewer, address)

    async def _read_once(self, digest: str, address: str, read: Callable[[], Viewer]) -> Viewer:
        """Read the viewer in a thread; requests that ask for the same one meanwhile wait for that answer."""
        asked = digest, address
        reading = self._being_read.get(asked)
        if reading is None:
            reading = self._being_read[asked] = asyncio.create_task(run_in_threadpool(read))
            reading.add_done_callback(lambda _: self._being_read.pop(asked))
        return await asyncio.shield(reading)  # which a client that gives up must not end for the others

    def _read_key(self, services: Services, secret: str, address: str) -> Viewer:
        digest = digest_of(secret)
        self._attempts.refuse_if_too_many(address, digest)
        try:
            viewer = services.viewers.of_key(secret)
        except NotSignedIn as error:
            self._failed(services, secret, address, error)
        self._attempts.succeeded(digest)
        return viewer

    def _failed(self, services: Services, secret: str, address: str, error: NotSignedIn) -> NoReturn:
        self._attempts.failed(address)
        stranger = Viewer(UNKNOWN, frozenset(), place=address)
        with acting_as(stranger), services.store.session() as session:
            details = {"why": error.what}
            prefix = prefix_of(secret) or ""
            audit.record(session, action="refused", subject_kind="API key", subject_id=prefix, details=details)
        raise error


async def is_still(viewer: Viewer, scope: Scope) -> bool:
    """Whether a request that is being answered would still be the viewer's, with the same rights."""
    try:
        return await scope[_IDENTIFY]() == viewer
    except NotSignedIn:
        return False


def _secret(scope: Scope) -> str | None:
    """What follows Bearer or Token in the Authorization header; None without one."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            text = value.decode("latin-1")
            scheme = next((scheme for scheme in _SCHEMES if text[: len(scheme)].lower() == scheme), None)
            return text[len(scheme) :].strip() if scheme else None
    return None


@lru_cache(maxsize=1024)
def _at(viewer: Viewer, address: str) -> Viewer:
    return replace(viewer, place=address)


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""
