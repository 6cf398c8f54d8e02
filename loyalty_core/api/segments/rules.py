"""Rules that are only tried."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.json_values import FastJSONResponse
from loyalty_core.api.segments.bodies import RuleBody
from loyalty_core.api.warehouse import ColumnAnswer
from loyalty_core.api.work_limits import rule_slot
from loyalty_core.services import get_services

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


class StepAnswer(BaseModel):
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
    funnel: list[StepAnswer]
    sql: str


class FieldsAnswer(BaseModel):
    """What a rule may read, by the name that `var` takes."""

    fields: list[ColumnAnswer]


@fields_router.get("/fields/", response_model=FieldsAnswer, dependencies=[allowed(Action.VIEW)])
def list_fields() -> Response:
    """The columns of the features view, the predictions of the last scoring run, and other segments."""
    return FastJSONResponse({"fields": get_services().segmentation.fields()})


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
