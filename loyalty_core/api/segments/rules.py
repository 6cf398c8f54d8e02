"""Rules that are only tried."""

from dataclasses import asdict

from fastapi import APIRouter

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.json_values import JsonObject
from loyalty_core.api.segments.bodies import RuleBody
from loyalty_core.api.work_limits import rule_slot
from loyalty_core.services import get_services

router = APIRouter()


@router.post("/evaluate/", dependencies=[rule_slot])
@router.post("/preview/", operation_id="preview_rule", dependencies=[allowed(Action.VIEW), rule_slot])
def evaluate_rule(body: RuleBody) -> JsonObject:
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
        "conditions": [asdict(condition) for condition in preview.conditions],
        "funnel": [asdict(step) for step in preview.steps],
        "sql": selection.sql(),
    }
