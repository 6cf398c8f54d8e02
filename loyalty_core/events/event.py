"""An event about a customer: what happened, when, and which source says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Sequel = Literal["newest", "out_of_order", "late"]


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `source` and `event_id` together identify it, so that a copy of it is recognised.

    `row` is its number in the state store, None for an event that is not stored, as in a dry run. `is_out_of_order`
    says that an event of the same customer and type that happened later has been applied already, and `is_late` that
    it happened too long ago to trigger a message; both are set when an event is claimed to be applied.
    """

    source: str
    event_id: str
    type: str
    customer_id: str
    occurred_at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
    is_simulated: bool = False
    row: int | None = None
    is_out_of_order: bool = False
    is_late: bool = False

    @property
    def states_features(self) -> bool:
        """Whether its data has values of the customer's features."""
        return bool(features_in(self.data))

    @property
    def sequel(self) -> Sequel:
        """How it relates to what was applied before, as the state store records it; late events are called late."""
        if self.is_late:
            return "late"
        return "out_of_order" if self.is_out_of_order else "newest"


def features_in(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of columns of the features view that an event's data states."""
    stated = data.get("features")
    return stated if isinstance(stated, dict) else {}
