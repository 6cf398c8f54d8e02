"""Campaigns over HTTP: saved with versions, started and stopped, tried, run and measured."""

from fastapi import APIRouter

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.campaigns import definitions, executions, results, runs, states, trials

__all__ = ["executions_router", "router"]

router = APIRouter(prefix="/campaigns", dependencies=[allowed(Action.VIEW)])
# What has a fixed address comes before what has an id in its place.
for part in (trials, definitions, states, runs, results):
    router.include_router(part.router)

executions_router = APIRouter(prefix="/campaignExecutions", dependencies=[allowed(Action.VIEW)])
executions_router.include_router(executions.router)
