"""The figures of the screens: overview, churn, offers and RFM, of all customers or of a segment's members."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from loyalty_core.access import Action
from loyalty_core.analytics.churn import read_curve
from loyalty_core.analytics.offers import offer_mix
from loyalty_core.analytics.overview import read_outlook, top_segments
from loyalty_core.analytics.rfm import read_rfm
from loyalty_core.analytics.rfm.movement import read_movement
from loyalty_core.analytics.scope import Scope, ScopedBase
from loyalty_core.api.access import allowed
from loyalty_core.api.days import Time
from loyalty_core.api.errors import RunNotStored
from loyalty_core.api.figure_answers import (
    ChurnFigures,
    MovementAnswer,
    OfferMixAnswer,
    OverviewAnswer,
    RfmFiguresAnswer,
)
from loyalty_core.api.segments import SegmentId
from loyalty_core.api.work_limits import rule_slot
from loyalty_core.ml.tasks import RISKS
from loyalty_core.segments import PredictionsMissing
from loyalty_core.services import Services, get_services
from loyalty_core.warehouse.columns import column_for
from loyalty_core.warehouse.offers import offer_name
from loyalty_core.warehouse.predictions import earlier_runs

router = APIRouter(prefix="/figures", dependencies=[allowed(Action.VIEW), rule_slot])

_TOP_SEGMENTS = 8


OfSegment = Annotated[SegmentId | None, Query(description="Only the members of this segment")]


@router.get("/overview/", response_model=OverviewAnswer)
def read_overview() -> dict[str, Any]:
    """What the last scoring run predicts for the whole base, and the largest segments."""
    services = get_services()
    found = read_outlook(services.warehouse)
    if found is None:
        raise PredictionsMissing
    return {
        **vars(found),
        "scored_at": found.run.scored_at,
        "model_version": found.run.model_version,
        "top_segments": top_segments(services.segments.list(), _TOP_SEGMENTS),
    }


@router.get("/churn/", response_model=ChurnFigures)
def read_churn_figures(segment_id: OfSegment = None) -> dict[str, Any]:
    """Who is likely to leave, and what would leave with them."""
    services = get_services()
    base = base_of(services, segment_id)
    revenue = column_for("revenue", services.warehouse.columns(), services.settings)
    curve = read_curve(base, revenue.name if revenue else None)
    return of_run(base) | {
        "unscored": curve.unscored,
        "value_column": revenue.name if revenue else None,
        "everyone": curve.everyone,
        "risks": {risk: curve.at_risk(risk) for risk in RISKS},
        "histogram": curve.histogram(),
    }


@router.get("/offers/", response_model=OfferMixAnswer)
def read_offer_figures(segment_id: OfSegment = None) -> dict[str, Any]:
    """Which offers are recommended to how many, and what that is worth."""
    services = get_services()
    base, facts = base_of(services, segment_id), services.offers.get()
    names = {offer: known.name for offer, known in facts.items() if known.name is not None}
    mix = offer_mix(base, facts)
    offers = [
        {
            **vars(offer),
            "offer_name": offer_name(names, offer.offer_id),
            "value": offer.value.amount,
            "value_is_known": offer.value.is_known,
            "expected_value": offer.expected_value,
        }
        for offer in mix.offers
    ]
    expected = {name: getattr(mix, name) for name in ("conversions", "conversions_interval", "expected_value")}
    return of_run(base) | vars(mix) | expected | {"offers": offers}


@router.get("/rfm/", response_model=RfmFiguresAnswer)
def read_rfm_figures(segment_id: OfSegment = None) -> dict[str, Any]:
    """The RFM segments and cells with their customers and money."""
    base = base_of(get_services(), segment_id)
    found = read_rfm(base)
    return of_run(base) | {
        "unscored": found.unscored,
        "total": found.total,
        "segments": found.segments(),
        "cells": found.groups,
    }


@router.get("/rfm/movement/", response_model=MovementAnswer)
def read_rfm_movement(
    since: Annotated[Time | None, Query(description="`scored_at` of the earlier run")] = None,
    segment_id: OfSegment = None,
) -> dict[str, Any]:
    """Who moved between RFM segments since an earlier scoring run, by default the last one before the current."""
    base = base_of(get_services(), segment_id)
    runs = [run for run, _ in earlier_runs(base.warehouse)]
    chosen = next((run for run in runs if since is None or run.scored_at == since), None)
    found = read_movement(base, chosen) if chosen else None
    if found is None and (since is not None or runs):
        raise RunNotStored(
            "The predictions of that scoring run are not stored.", remedy="Leave `since` out, for the runs that are."
        )
    return {
        "since": found.since.scored_at if found else None,
        "runs": runs,
        "flows": [{**vars(flow), "kind": flow.kind} for flow in found.flows] if found else [],
    }


def base_of(services: Services, segment_id: str | None) -> ScopedBase:
    """All customers, or the members of a segment; raises `SegmentNotFound`."""
    if segment_id is not None:
        services.segments.get(segment_id)
    return ScopedBase(services.warehouse, services.segmentation, Scope(segment_id))


def of_run(base: ScopedBase) -> dict[str, Any]:
    """The keys that say which scoring run an answer is about; raises `PredictionsMissing`."""
    run = base.run
    return {"scored_at": run.scored_at, "model_version": run.model_version}
