"""The figures of the screens: overview, churn, offers and RFM, of all customers or of a segment's members."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

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
from loyalty_core.api.json_values import JsonValue
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


class TallyAnswer(BaseModel):
    """The customers with one prediction, and their share (0–1); `before` is their number in the run before, if any."""

    value: JsonValue
    customers: int
    share: float
    before: int | None


class TopSegmentAnswer(BaseModel):
    """A saved segment by its last size; `change` is since the size before."""

    id: str
    name: str
    customers: int
    share: float
    change: int | None
    is_stale: bool
    data_changed: bool


class OverviewAnswer(BaseModel):
    """The last scoring run, compared with the run before; `churners` is the sum of churn probabilities.

    `risks` are ordered from high to low, `rfm_segments` from strong to weak, `offers` by frequency.
    """

    scored_at: datetime
    model_version: str
    customers: int
    churners: float | None
    churners_before: float | None
    risks: list[TallyAnswer]
    offers: list[TallyAnswer]
    rfm_segments: list[TallyAnswer]
    top_segments: list[TopSegmentAnswer]


class GroupAnswer(BaseModel):
    """A group of customers: expected `churners`, mean probability, total value, and the value expected to be lost."""

    customers: int
    churners: float
    mean: float
    value: float
    loss: float


class ChurnFigures(BaseModel):
    """The scored customers in total and by risk; `histogram` counts them in 20 equal steps of probability.

    `value_column` is the column of revenue that `value` and `loss` are sums of; without one they are 0.
    """

    scored_at: datetime
    model_version: str
    unscored: int
    value_column: str | None
    everyone: GroupAnswer
    risks: dict[str, GroupAnswer]
    histogram: list[int]


class OfferAnswer(BaseModel):
    """An offer: the customers to whom it is recommended, how many of them are expected to take it, and the value.

    `value` is money per conversion; it is 1 where margin or baskets are not known, so that conversions are counted.
    `mean_propensity` is among those who take any offer. `conversions` and `expected_value` are null where no uptake
    model says how many customers take an offer.
    """

    offer_id: int
    offer_name: str
    customers: int
    share: float
    mean_propensity: float
    value: float
    value_is_known: bool
    conversions: float | None
    expected_value: float | None


class OfferMixAnswer(BaseModel):
    """The recommended offers by id; `confidence` counts customers in 20 equal steps from 0 to 1.

    `mean_uptake` is the mean probability of taking any offer; without an uptake model it is null, as are `conversions`,
    how many are expected to take the offer recommended to them, its 90 % interval, and `expected_value`.
    """

    scored_at: datetime
    model_version: str
    customers: int
    with_offer: int
    conversions: float | None
    conversions_interval: tuple[float, float] | None
    expected_value: float | None
    mean_uptake: float | None
    mean_confidence: float | None
    confidence: list[int]
    basket: float | None
    offers: list[OfferAnswer]


class SpendingAnswer(BaseModel):
    """Totals over customers; `known` is the number of those whose amount of money is not blank."""

    customers: int
    known: int
    money: float
    purchases: float


class RfmCell(BaseModel):
    """The customers with these three scores."""

    recency: int
    frequency: int
    monetary: int
    segment: str
    spending: SpendingAnswer


class RfmSegmentAnswer(BaseModel):
    """An RFM segment, with its shares of customers and money, and advice for marketing to it."""

    name: str
    spending: SpendingAnswer
    customer_share: float
    money_share: float
    advice: str


class RfmFiguresAnswer(BaseModel):
    """RFM of the last scoring run: by segment, strongest first, and by cell."""

    scored_at: datetime
    model_version: str
    unscored: int
    total: SpendingAnswer
    segments: list[RfmSegmentAnswer]
    cells: list[RfmCell]


class EarlierRun(BaseModel):
    """A scoring run that the current one can be compared with."""

    scored_at: datetime
    model_version: str


class FlowAnswer(BaseModel):
    """Customers who moved `before` → `after`, and what they have spent; null means outside the base, then or now."""

    before: str | None
    after: str | None
    kind: Literal["stayed", "stronger", "weaker", "other", "new", "gone"]
    customers: int
    money: float


class MovementAnswer(BaseModel):
    """Movement between RFM segments from the run of `since` to the current one, the largest flow first.

    `runs` are all that can be compared with, newest first; without any, `since` is null and there are no flows.
    """

    since: datetime | None
    runs: list[EarlierRun]
    flows: list[FlowAnswer]


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
