"""Slots for requests that read the whole base: the API shares its limits with the screens."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

from fastapi import Depends, Request

from loyalty_core.access import current_viewer
from loyalty_core.api.errors import ClientDisconnected
from loyalty_core.cancellation import Cancellation, cancellable
from loyalty_core.services import get_services

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from loyalty_core.limits import WorkLimit


@asynccontextmanager
async def _reading(request: Request, limit: WorkLimit) -> AsyncIterator[None]:
    """A slot for work that is of use to the client alone.

    When the client disconnects, the request leaves the queue, or its statement is stopped, and `ClientDisconnected` is
    raised.
    """
    disconnected = asyncio.create_task(_disconnected(request))
    try:
        async with limit.slot_async(_viewer(request), until=disconnected):
            with cancellable(Cancellation(disconnected.done, _raise_disconnected)):
                yield
    finally:
        disconnected.cancel()
        with suppress(asyncio.CancelledError, ClientDisconnected):
            await disconnected


async def _disconnected(request: Request) -> NoReturn:
    """Wait for the client to disconnect; the body has been read before the slots of a route are asked for."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    _raise_disconnected()


def _raise_disconnected() -> NoReturn:
    raise ClientDisconnected


async def _rule_slot(request: Request) -> AsyncIterator[None]:
    async with _reading(request, get_services().limits.evaluations):
        yield


async def _change_slot(request: Request) -> AsyncIterator[None]:
    async with get_services().limits.evaluations.slot_async(_viewer(request)):
        yield


async def _export_slot(request: Request) -> AsyncIterator[None]:
    async with _reading(request, get_services().limits.exports):
        yield


async def _stream_slot(request: Request) -> AsyncIterator[None]:
    async with get_services().limits.streams.slot_async(_viewer(request)):
        yield


def _viewer(request: Request) -> str:
    """Whoever is signed in; without sign-in everyone is the local user, so the client's address tells them apart."""
    viewer, local_user = current_viewer().id, get_services().settings.local_user
    return request.client.host if viewer == local_user and request.client else viewer


# For a handler that needs a slot for some of its requests only.
rule_slot_of = asynccontextmanager(_rule_slot)
# For `dependencies` of a route; the slot is free again when the answer has been sent.
rule_slot = Depends(_rule_slot)
export_slot = Depends(_export_slot)
stream_slot = Depends(_stream_slot)
# For a route that saves something, which is done even if its client no longer waits for the answer.
change_slot = Depends(_change_slot)
