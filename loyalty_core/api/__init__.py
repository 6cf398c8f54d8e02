"""The HTTP API under /api/loyalty/v1/, with the same answers as the screens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.api.browser_protection import BrowserProtection
from loyalty_core.api.connections import IdleConnections
from loyalty_core.api.instrumentation import Instrumentation
from loyalty_core.api.later import LoadedLater
from loyalty_core.api.mounting import MountedApi
from loyalty_core.api.sockets import disable_nagle_algorithm

if TYPE_CHECKING:
    from fastapi import FastAPI

    from loyalty_core.api.identity import ReadSignIn

__all__ = [
    "BrowserProtection",
    "IdleConnections",
    "Instrumentation",
    "LoadedLater",
    "MountedApi",
    "create_api",
    "disable_nagle_algorithm",
]


def create_api(read_sign_in: ReadSignIn = lambda _: None) -> FastAPI:
    """The routes of the API; `read_sign_in` finds the sign-in of a browser in a request."""
    # Imported when used: the app answers before the routes, and all that they call, are loaded.
    from loyalty_core.api import application  # noqa: PLC0415

    return application.create_api(read_sign_in)
