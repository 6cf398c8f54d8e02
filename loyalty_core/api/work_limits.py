"""Limits on the work that clients ask for at once, so that rules over the whole base do not starve predictions."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, Request

from loyalty_core.errors import LoyaltyError


class TooBusy(LoyaltyError):
    """As much work of the kind is under way and waiting as there may be; `retry_after` is in seconds."""

    code = "too_busy"
    retry_after = 2


class WorkLimit:
    """Lets `at_once` requests of a kind run; others wait, up to `of_client` from one client and `most` in all.

    A request beyond these raises `TooBusy` at once. To be used on one event loop.
    """

    def __init__(self, kind: str, *, at_once: int, of_client: int, most: int, remedy: str) -> None:
        self._kind = kind
        self._slots = asyncio.Semaphore(at_once)
        self._of_client = of_client
        self._most = most
        self._remedy = remedy
        self._asked = Counter[str]()

    @asynccontextmanager
    async def slot(self, client: str) -> AsyncIterator[None]:
        """Wait for a slot and hold it until the block ends."""
        if self._asked[client] >= self._of_client or self._asked.total() >= self._most:
            own = self._asked[client]
            unfinished = f"{own} from this client" if own >= self._of_client else str(self._asked.total())
            raise TooBusy(f"Too many {self._kind} are under way.", f"{unfinished} are unfinished.", self._remedy)
        self._asked[client] += 1
        try:
            async with self._slots:
                yield
        finally:
            self._asked -= Counter({client: 1})


class WorkLimits:
    """Those of one API."""

    def __init__(self) -> None:
        self.rules = WorkLimit(
            "evaluations of rules", at_once=2, of_client=8, most=24, remedy="Try again when one of them is done."
        )
        self.exports = WorkLimit(
            "exports",
            at_once=2,
            of_client=2,
            most=2,
            remedy="Try again later, or let the file be prepared in the background with POST exports/.",
        )


async def _rule_slot(request: Request) -> AsyncIterator[None]:
    async with _limits(request).rules.slot(_client(request)):
        yield


async def _export_slot(request: Request) -> AsyncIterator[None]:
    async with _limits(request).exports.slot(_client(request)):
        yield


def _limits(request: Request) -> WorkLimits:
    return request.app.state.work_limits


def _client(request: Request) -> str:
    return request.client.host if request.client else ""


# For `dependencies` of a route; the slot is free again when the answer has been sent.
rule_slot = Depends(_rule_slot)
export_slot = Depends(_export_slot)
