"""The types of events about customers, as data."""

from typing import Any

from fastapi import APIRouter
from typing_extensions import TypedDict

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.json_values import JsonValue
from loyalty_core.events import TYPES

router = APIRouter()


class EventType(TypedDict):
    """One type; `schema` is the JSON schema of its data. `accepted` is true: every type is taken."""

    value: str
    label: str
    category: str
    accepted: bool
    schema: dict[str, JsonValue]


@router.get("/dwh/event-types/", response_model=list[EventType], dependencies=[allowed(Action.VIEW)])
async def list_event_types() -> list[dict[str, Any]]:
    """The types with their labels, categories and schemas; `custom.` and a name of one's own is a type as well."""
    return [
        {"value": kind.value, "label": kind.label, "category": kind.category, "accepted": True, "schema": kind.schema}
        for kind in TYPES.values()
    ]
