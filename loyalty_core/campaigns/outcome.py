"""What a campaign decided about one customer, and why, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

NOT_RUNNING = "not_running"

_SENTENCES = {
    "excluded": "the customer is in a segment that {name} excludes",
    "re_entry": "the customer has entered {name} before",
    "consent": "the customer has not consented",
    "channel": "no channel of {name} can reach the customer",
    "offer": "no offer of {name} is left that the customer is eligible for",
    "campaign_cap": "the customer has reached the frequency cap of {name}",
    "overall_cap": "the customer has reached the frequency cap over all campaigns",
    "holdout": "the customer is in the holdout of {name}",
    "budget": "the budget of {name} is used up",
    NOT_RUNNING: "{name} is not running",
}


@dataclass(frozen=True)
class Decision:
    """What a campaign decided about one customer.

    `reason` is None where a message was queued: `key` and `due_at` are its. `entry_id` is None where nothing was
    recorded, since the campaign is not running.
    """

    customer_id: str
    campaign_name: str
    reason: str | None
    entry_id: int | None = None
    variant: str | None = None
    offer_id: int | None = None
    channel: str | None = None
    due_at: datetime | None = None
    key: str | None = None

    @property
    def outcome(self) -> str:
        """The decision in one sentence."""
        if self.reason is None:
            return f"A message of {self.campaign_name} was queued for {self.channel}."
        return f"Nothing was sent: {self.why}."

    @property
    def why(self) -> str:
        """Why nothing was sent, as a clause; blank where a message was queued."""
        return reason_in_words(self.reason, self.campaign_name) if self.reason else ""


def reason_in_words(reason: str, campaign_name: str) -> str:
    """Why a campaign sent nothing to a customer, as a clause; the reason itself where it is of another version."""
    return _SENTENCES[reason].format(name=campaign_name) if reason in _SENTENCES else reason
