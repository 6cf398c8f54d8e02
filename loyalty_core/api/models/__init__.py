"""Models over HTTP: their state and versions, training, scoring, and a test on some customers."""

from fastapi import APIRouter

from loyalty_core.api.models import changes, comparisons, status, versions, work

__all__ = ["router"]

router = APIRouter(prefix="/ml", tags=["Models"])
for part in (status, work, changes, comparisons, versions):
    router.include_router(part.router)
