"""Background jobs over HTTP: listed, read, cancelled, and followed as server-sent events."""

from fastapi import APIRouter

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.jobs import events, routes
from loyalty_core.api.jobs.answers import JobAnswer, JobFailure, accepted

__all__ = ["JobAnswer", "JobFailure", "accepted", "router"]

router = APIRouter(prefix="/jobs", tags=["Jobs"], dependencies=[allowed(Action.VIEW)])
for part in (events, routes):
    router.include_router(part.router)
