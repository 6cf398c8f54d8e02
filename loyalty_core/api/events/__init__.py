"""Events about customers: sent, listed, and corrected where they could not be applied."""

from fastapi import APIRouter

from loyalty_core.api.events import dead_letters, received, traces, types

router = APIRouter()
router.include_router(types.router)
router.include_router(received.router)
router.include_router(traces.router)
router.include_router(dead_letters.router)

# Before the routes of customers, one of which takes any address that begins with an id.
story_router = traces.story_router

__all__ = ["router", "story_router"]
