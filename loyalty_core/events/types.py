"""The types of events as data, with a JSON schema of what each says (draft 2020-12)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from loyalty_core.events.errors import BadEvent
from loyalty_core.names import nearest_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jsonschema import Draft202012Validator

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": 255}
_NUMBER: Schema = {"type": "number"}


@dataclass(frozen=True)
class EventType:
    """One type; `schema` is of the event's `data`, in which every type may have further keys."""

    value: str
    label: str
    category: str
    schema: Schema


def _object(properties: Schema, *required: str, **more: Any) -> Schema:
    features: Schema = {
        "type": "object",
        "description": "Columns of the features view with the values they have now, if the sender knows them",
    }
    return {
        "type": "object",
        "properties": {**properties, "features": features},
        **({"required": list(required)} if required else {}),
        **more,
    }


def _of_message(properties: Schema | None = None) -> Schema:
    """About a message that was sent: the key that was sent with it, or else the campaign."""
    named: Schema = {
        "message_id": {**_TEXT, "description": "The key that was sent with the message"},
        "campaign_id": _TEXT,
        "channel": _TEXT,
    }
    return _object({**named, **(properties or {})}, anyOf=[{"required": ["message_id"]}, {"required": ["campaign_id"]}])


CUSTOM = "custom"

TYPES: dict[str, EventType] = {
    kind.value: kind
    for kind in (
        EventType("customer.updated", "Customer updated", "Customer", _object({})),
        EventType("customer.login", "Login", "Customer", _object({"channel": _TEXT})),
        EventType("tier.changed", "Tier changed", "Customer", _object({"tier": _TEXT, "previous_tier": _TEXT}, "tier")),
        EventType(
            "transaction.created",
            "Transaction",
            "Purchases",
            _object(
                {
                    "transaction_id": {"type": ["string", "integer"]},
                    "amount": {**_NUMBER, "description": "Money in the currency of the warehouse; negative: a return"},
                }
            ),
        ),
        EventType(
            "points.changed",
            "Points earned or spent",
            "Purchases",
            _object(
                {"points": {**_NUMBER, "description": "Negative where they were spent"}, "balance": _NUMBER}, "points"
            ),
        ),
        EventType("campaign.delivered", "Message delivered", "Campaigns", _of_message()),
        EventType("campaign.opened", "Message opened", "Campaigns", _of_message()),
        EventType("campaign.clicked", "Message clicked", "Campaigns", _of_message({"url": {"type": "string"}})),
        EventType("campaign.converted", "Offer converted", "Campaigns", _of_message({"value": _NUMBER})),
        EventType(
            "campaign.bounced",
            "Message bounced",
            "Campaigns",
            _of_message({"kind": {"enum": ["hard", "soft"]}, "reason": {"type": "string"}}),
        ),
        EventType(
            "campaign.unsubscribed",
            "Unsubscribed",
            "Campaigns",
            _object({"message_id": _TEXT, "campaign_id": _TEXT, "channel": _TEXT}),
        ),
        EventType(CUSTOM, "Custom event", "Other", _object({})),
    )
}
"""By `value`. A type that begins with `custom.`, such as `custom.wishlist`, is a custom event with a name."""


def find_type(value: str) -> EventType:
    """The type of that name; raises `BadEvent` for an unknown one."""
    found = TYPES.get(CUSTOM if value.startswith(f"{CUSTOM}.") else value)
    if found is None:
        nearest = nearest_names(value, TYPES)
        remedy = f"Did you mean {nearest[0]}?" if nearest else "Name it custom, or custom. and a name of your own."
        raise BadEvent(f"There is no type of events {value!r}.", remedy=remedy)
    return found


def check_data(value: str, data: Mapping[str, Any]) -> None:
    """Raise `BadEvent` unless the data is what events of this type say."""
    kind = find_type(value)
    error = next(iter(_validator(kind.value).iter_errors(data)), None)
    if error is not None:
        place = ".".join(["data", *map(str, error.absolute_path)])
        raise BadEvent(
            f"The data is not that of {value}.",
            f"{place}: {error.message[:300]}.",
            "The list of event types has the schema of each.",
        )


@cache
def _validator(value: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 -- only where events come in

    return Draft202012Validator(TYPES[value].schema)
