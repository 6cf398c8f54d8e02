"""What a campaign would do about each customer, for a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from loyalty_core.campaigns.waterfall import TITLES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from loyalty_core.campaigns.decisions import Reason

_GETS_ONE = "Gets a message"


@dataclass(frozen=True)
class Planned:
    """What a campaign would do about one customer: `reason` is None for those who get a message."""

    customer_id: str
    reason: Reason | None
    variant: str | None
    offer_id: int | None
    channel: str | None
    due_at: datetime | None

    @property
    def outcome(self) -> str:
        """The decision in words."""
        return _GETS_ONE if self.reason is None else TITLES[self.reason]


def planned_batch(planned: Sequence[Planned], zone: ZoneInfo) -> pa.RecordBatch:
    """Rows of a file, with times in that zone."""
    due = [one.due_at.astimezone(zone).isoformat(timespec="minutes") if one.due_at else None for one in planned]
    columns = {
        "customer_id": pa.array([one.customer_id for one in planned], pa.string()),
        "gets_a_message": pa.array([one.reason is None for one in planned], pa.bool_()),
        "outcome": pa.array([one.outcome for one in planned], pa.string()),
        "variant": pa.array([one.variant for one in planned], pa.string()),
        "offer_id": pa.array([one.offer_id for one in planned], pa.int64()),
        "channel": pa.array([one.channel for one in planned], pa.string()),
        "due_at": pa.array(due, pa.string()),
    }
    return pa.record_batch(columns)
