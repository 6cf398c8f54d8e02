"""Messages of campaigns: the outbox, previews, and tests that are sent to oneself."""

from fastapi import APIRouter

from loyalty_core.api.messages import outbox, trials

__all__ = ["router"]

router = APIRouter()
router.include_router(outbox.router)
router.include_router(trials.router)
