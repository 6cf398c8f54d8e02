"""The types of events about customers, as data."""

from fastapi import APIRouter
from typing_extensions import TypedDict

from loyalty_core.access import Action
from loyalty_core.api.access import allowed

router = APIRouter()


class EventType(TypedDict):
    """One type. `accepted` is false for a type that no route or consumer takes yet."""

    value: str
    label: str
    category: str
    accepted: bool


_TYPES: list[EventType] = [
    {"value": value, "label": label, "category": category, "accepted": False}
    for value, label, category in (
        ("customer.updated", "Customer updated", "Customer"),
        ("customer.login", "Login", "Customer"),
        ("tier.changed", "Tier changed", "Customer"),
        ("transaction.created", "Transaction", "Purchases"),
        ("points.changed", "Points earned or spent", "Purchases"),
        ("campaign.delivered", "Message delivered", "Campaigns"),
        ("campaign.opened", "Message opened", "Campaigns"),
        ("campaign.clicked", "Message clicked", "Campaigns"),
        ("campaign.converted", "Offer converted", "Campaigns"),
        ("campaign.bounced", "Message bounced", "Campaigns"),
        ("campaign.unsubscribed", "Unsubscribed", "Campaigns"),
        ("custom", "Custom event", "Other"),
    )
]


@router.get("/dwh/event-types/", dependencies=[allowed(Action.VIEW)])
async def list_event_types() -> list[EventType]:
    """The types with their labels and categories; the product does not take events yet, so none is accepted."""
    return _TYPES
