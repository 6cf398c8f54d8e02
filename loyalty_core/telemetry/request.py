"""The HTTP request that is being answered, for the logs."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class RequestFacts:
    """What its log lines have in common; `viewer` is known once access has been checked."""

    id: str
    viewer: str | None = None


current_request: ContextVar[RequestFacts | None] = ContextVar("current_request", default=None)


def note_viewer(viewer: str) -> None:
    """Record who asks, if a request is being answered."""
    if request := current_request.get():
        request.viewer = viewer
