"""Whom to contact against churn for the highest expected profit, as the Churn screen plans it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from loyalty_core.access import Action
from loyalty_core.analytics.churn import Choice, Worth, has_uplift, plan_contacts
from loyalty_core.api.access import allowed
from loyalty_core.api.figures import OfSegment, base_of, of_run
from loyalty_core.api.json_values import JsonValue
from loyalty_core.api.work_limits import rule_slot
from loyalty_core.segments import UnknownColumn
from loyalty_core.services import get_services

router = APIRouter(prefix="/figures/churn", dependencies=[allowed(Action.VIEW), rule_slot])

Amount = Annotated[float, Query(ge=0, le=1e9, allow_inf_nan=False)]
Basis = Annotated[
    Literal["uplift", "save_rate"] | None, Query(description="What a contact changes: uplift where there is one")
]


class ChoiceAnswer(BaseModel):
    """What contacting this number of customers brings: `retained` stay (or convert) because of it.

    `profit` is the expected value; it lies between `low` and `high` nine times out of ten if the probabilities are
    right.
    """

    customers: int
    retained: float
    cost: float
    profit: float
    low: float
    high: float


class ContactPlanAnswer(BaseModel):
    """The most profitable choice, by `uplift` or by one `save_rate` for everybody, and the rule that finds it.

    `customers` are those who have not left. `break_even` is the largest number that does not lose money, null where
    contacting everybody does not. `harmed` are left out because contact makes a conversion less likely, `unscored`
    have no uplift. Without a contact that pays, `threshold` and `rule` are null.
    """

    scored_at: datetime
    model_version: str
    basis: Literal["uplift", "save_rate"]
    customers: int
    best: ChoiceAnswer
    break_even: int | None
    threshold: float | None = Field(description="The least probability or uplift, times worth with a value column")
    rule: JsonValue
    harmed: int
    unscored: int


@router.get("/contacts/", response_model=ContactPlanAnswer)
def plan_contacts_of_base(
    cost: Amount = 5.0,
    save_rate: Annotated[float, Query(ge=0, le=1)] = 0.2,
    worth: Annotated[float, Query(gt=0, le=1e9)] = 100.0,
    value_column: Annotated[str | None, Query(max_length=255)] = None,
    basis: Basis = None,
    segment_id: OfSegment = None,
) -> dict[str, Any]:
    """How many customers to contact, and whom: `cost` of a contact, and what a customer is `worth`, in money.

    With `value_column`, each customer is worth what that number column says. `save_rate` is the share of contacted
    churners who stay; it is not used where uplift decides.
    """
    base = base_of(get_services(), segment_id)
    by_uplift = has_uplift(base)
    if basis == "uplift" and not by_uplift:
        raise HTTPException(422, "basis: No uplift model has scored the customers; leave it out, or send “save_rate”.")
    by_uplift = by_uplift and basis != "save_rate"
    _require_number(value_column)
    found = plan_contacts(base, Worth(value_column, worth), cost, None if by_uplift else save_rate)
    break_even, everybody = found.plan.break_even, found.plan.choices[-1].customers
    return of_run(base) | {
        "basis": "uplift" if by_uplift else "save_rate",
        "customers": everybody + found.harmed + found.unscored,
        "best": _answer(found.plan.best),
        "break_even": break_even.customers if break_even else None,
        "threshold": found.threshold,
        "rule": found.rule,
        "harmed": found.harmed,
        "unscored": found.unscored,
    }


def _require_number(value_column: str | None) -> None:
    columns = {column.name: column for column in get_services().warehouse.columns()}
    if value_column is not None and (value_column not in columns or columns[value_column].is_masked):
        raise UnknownColumn(value_column)
    if value_column is not None and columns[value_column].kind != "number":
        raise HTTPException(422, f"value_column: {value_column} is not a number.")


def _answer(choice: Choice) -> dict[str, float]:
    return {name: getattr(choice, name) for name in ChoiceAnswer.model_fields}
