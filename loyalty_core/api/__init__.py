"""The HTTP API under /api/loyalty/v1/: the same answers as the screens, for programs."""

from loyalty_core.api.application import create_api

__all__ = ["create_api"]
