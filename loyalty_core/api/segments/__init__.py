"""Segments over HTTP: their definitions, the rules of drafts, and their members."""

from fastapi import APIRouter

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.segments import definitions, members, rules
from loyalty_core.api.segments.bodies import MEDIA_TYPES, SegmentId

__all__ = ["MEDIA_TYPES", "SegmentId", "router"]

router = APIRouter(prefix="/segments", dependencies=[allowed(Action.VIEW)])
for part in (definitions, rules, members):
    router.include_router(part.router)
