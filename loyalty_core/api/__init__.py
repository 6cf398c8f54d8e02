"""The HTTP API under /api/loyalty/v1/, with the same answers as the screens."""

from loyalty_core.api.application import create_api
from loyalty_core.api.browser_protection import BrowserProtection
from loyalty_core.api.connections import IdleConnections
from loyalty_core.api.instrumentation import Instrumentation
from loyalty_core.api.sockets import disable_nagle_algorithm

__all__ = ["BrowserProtection", "IdleConnections", "Instrumentation", "create_api", "disable_nagle_algorithm"]
