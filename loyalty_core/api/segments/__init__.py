"""Segments over HTTP: their definitions, versions, sizes and members, the rules of drafts, and predictions."""

from fastapi import APIRouter

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.segments import definitions, members, predictions, profiles, rules, sizes, versions
from loyalty_core.api.segments.bodies import SegmentId
from loyalty_core.api.segments.rules import fields_router
from loyalty_core.api.segments.sizes import snapshots_router

__all__ = ["SegmentId", "fields_router", "router", "snapshots_router"]

router = APIRouter(prefix="/segments", dependencies=[allowed(Action.VIEW)])
for part in (definitions, rules, versions, sizes, members, profiles, predictions):
    router.include_router(part.router)
