"""Rules that are only tried."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.json_values import FastJSONResponse
from loyalty_core.api.segments.bodies import RuleBody
from loyalty_core.api.warehouse import ColumnAnswer
from loyalty_core.api.work_limits import rule_slot
from loyalty_core.segments import BadSegment, UnknownColumn
from loyalty_core.segments.figures.overlap import Similar
from loyalty_core.services import get_services
from loyalty_core.warehouse.columns import Histogram

router = APIRouter()
# Beside /segments, where it would take the place of a segment.
fields_router = APIRouter(prefix="/rules")


class ConditionAnswer(BaseModel):
    """One condition by itself: for how many customers it holds, and for how many it meets a blank."""

    path: str
    sentence: str
    holds: int
    blanks: int
    certain: bool | None


class FunnelStep(BaseModel):
    """One of the conditions that all have to hold: who is left after it, and who would be without it alone."""

    path: str
    sentence: str
    remaining: int
    without: int


class EvaluationAnswer(BaseModel):
    """The `customers` of `base` who match a rule, by condition and step by step; the rule as `sentence` and `sql`."""

    customers: int
    base: int
    share: float
    certain: bool | None
    sentence: str
    conditions: list[ConditionAnswer]
    funnel: list[FunnelStep]
    sql: str


class FieldsAnswer(BaseModel):
    """What a rule may read, by the name that `var` takes."""

    fields: list[ColumnAnswer]


class HistogramAnswer(BaseModel):
    """Bar i counts values from `edges[i]` to before `edges[i+1]`; the last one all above too if `open_ended`."""

    edges: list[float]
    counts: list[int]
    open_ended: bool


class SimilarAnswer(BaseModel):
    """A saved segment; `similarity` is the number of customers in `both` by that of customers in either (0–1)."""

    segment_id: str
    similarity: float
    both: int


@fields_router.get("/fields/", response_model=FieldsAnswer, dependencies=[allowed(Action.VIEW)])
def list_fields() -> Response:
    """The columns of the features view, the predictions of the last scoring run, and other segments."""
    return FastJSONResponse({"fields": get_services().segmentation.fields()})


@fields_router.get(
    "/fields/{name:path}/histogram/",
    response_model=HistogramAnswer | None,
    dependencies=[allowed(Action.VIEW), rule_slot],
)
def read_histogram(name: str, bars: Annotated[int, Query(ge=1, le=100)] = 20) -> Histogram | None:
    """How all customers are spread over a number field, in about `bars` bars; null where it is blank for everyone."""
    engine = get_services().segmentation
    field = next((one for one in engine.fields() if one.name == name), None)
    if field is None or field.is_masked:
        raise UnknownColumn(name)
    if field.kind != "number":
        raise BadSegment(f"{name} has no histogram, since it is not a number.", remedy="Choose a number field.")
    return engine.histogram(name, bars)


@router.post("/similar/", response_model=list[SimilarAnswer], dependencies=[rule_slot])
def find_similar_segments(body: RuleBody) -> Sequence[Similar]:
    """Saved segments that share at least nine in ten customers with a rule, most similar first.

    Where small groups are hidden from the viewer there are none, since two segments may differ by one customer.
    """
    return get_services().segmentation.near_duplicates(body.whole_rule)


@router.post("/evaluate/", response_model=EvaluationAnswer, dependencies=[rule_slot])
@router.post("/preview/", operation_id="preview_rule", response_model=EvaluationAnswer, dependencies=[rule_slot])
def evaluate_rule(body: RuleBody) -> dict[str, Any]:
    """Count the customers who match a rule, in total, by condition and step by step; nothing is saved.

    `certain` is false if no customer can match whatever the data, true if every customer matches, otherwise null.
    """
    selection = get_services().segmentation.select(body.whole_rule)
    preview = selection.preview()
    return {
        "customers": preview.members,
        "base": preview.customers,
        "share": preview.share,
        "certain": preview.certain,
        "sentence": selection.describe(),
        "conditions": preview.conditions,
        "funnel": preview.steps,
        "sql": selection.sql(),
    }
