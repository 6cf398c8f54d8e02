"""Offer policies over HTTP: saved under a name, with versions, and evaluated without being saved."""

from fastapi import APIRouter

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.policies import arbitration, definitions

__all__ = ["router"]

router = APIRouter(prefix="/policies", dependencies=[allowed(Action.VIEW)])
for part in (arbitration, definitions):
    router.include_router(part.router)
