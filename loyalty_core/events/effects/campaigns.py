"""Which campaigns events trigger, and what each of them decided about the customer."""

from __future__ import annotations

from dataclasses import dataclass

from loyalty_core.events.effects.trace import Step

_NONE_TRIGGERED = "Nothing was sent: no running campaign is triggered by this."


@dataclass(frozen=True)
class Triggered:
    """What came of one event: its last steps, in one sentence the outcome, and the campaigns that considered it."""

    steps: tuple[Step, ...] = (Step("Campaigns triggered", 0.0, {}, {"campaigns": []}),)
    outcome: str = _NONE_TRIGGERED
    campaign_ids: tuple[str, ...] = ()
