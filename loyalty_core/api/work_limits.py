"""Slots for requests that read the whole base: the API shares its limits with the screens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, Request

from loyalty_core.access import current_viewer
from loyalty_core.services import get_services


async def _rule_slot(request: Request) -> AsyncIterator[None]:
    async with get_services().limits.evaluations.slot_async(_viewer(request)):
        yield


async def _export_slot(request: Request) -> AsyncIterator[None]:
    async with get_services().limits.exports.slot_async(_viewer(request)):
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
