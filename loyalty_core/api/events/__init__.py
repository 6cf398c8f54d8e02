"""Events about customers: sent, listed, and mended where they could not be applied."""

from fastapi import APIRouter

from loyalty_core.api.events import dead_letters, received, types

router = APIRouter()
router.include_router(types.router)
router.include_router(received.router)
router.include_router(dead_letters.router)

__all__ = ["router"]
