"""The suppression waterfall: of the customers in the audience, how many are left after each reason not to write."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.campaigns.decisions import REASONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from loyalty_core.campaigns.decisions import Reason

TITLES: dict[Reason, str] = {
    "excluded": "In an excluded segment",
    "re_entry": "Have entered before",
    "consent": "No consent",
    "channel": "Cannot be reached",
    "offer": "No eligible offer",
    "campaign_cap": "Cap of this campaign",
    "overall_cap": "Cap over all campaigns",
    "holdout": "Holdout",
    "budget": "Over budget",
}


@dataclass(frozen=True)
class Step:
    """One step: how many are removed by a reason, and how many remain."""

    reason: Reason
    title: str
    removed: int
    remaining: int


@dataclass(frozen=True)
class Waterfall:
    """How many customers of the audience get a message, and why the others do not.

    `delayed` of those wait for the end of quiet hours, the last of them until `delayed_until`. `unreadable_zones`
    counts those whose time zone is not known by its name; they get messages by the app's time zone. `by_channel`,
    `by_variant` and `by_offer` split those who get a message.
    """

    audience: int
    removed: Mapping[Reason, int]
    delayed: int
    delayed_until: datetime | None
    unreadable_zones: int
    by_channel: Mapping[str, int]
    by_variant: Mapping[str, int]
    by_offer: Mapping[int, int]

    @property
    def to_send(self) -> int:
        """The customers who get a message."""
        return self.audience - sum(self.removed.values())

    @property
    def steps(self) -> tuple[Step, ...]:
        """The reasons in order, each with what remains after it."""
        remaining, steps = self.audience, list[Step]()
        for reason in REASONS:
            remaining -= self.removed[reason]
            steps.append(Step(reason, TITLES[reason], self.removed[reason], remaining))
        return tuple(steps)

    @property
    def counts(self) -> dict[str, int]:
        """The figures by name, as they are stored with a run."""
        return {
            "audience": self.audience,
            **self.removed,
            "to_send": self.to_send,
            "delayed": self.delayed,
            "unreadable_zones": self.unreadable_zones,
        }


def grouped(decided: sa.FromClause) -> sa.Select:
    """Counts of decisions by everything that a waterfall distinguishes; its rows make a `Waterfall`."""
    parts = [decided.c[name] for name in ("reason", "channel", "variant", "offer_id", "due", "bad_zone")]
    return sa.select(*parts, sa.func.count().label("customers")).group_by(*parts)


def waterfall_of(rows: Iterable[Any], due_times: Sequence[datetime]) -> Waterfall:
    """The waterfall of the rows of `grouped`."""
    removed, by_channel = Counter[str](), Counter[str]()
    by_variant, by_offer, groups = Counter[str](), Counter[int](), Counter[int]()
    audience = unreadable = 0
    for row in rows:
        audience += row.customers
        if row.reason is not None:
            removed[row.reason] += row.customers
            continue
        by_channel[row.channel] += row.customers
        by_variant[row.variant] += row.customers
        groups[row.due] += row.customers
        unreadable += row.customers if row.bad_zone else 0
        if row.offer_id is not None:
            by_offer[row.offer_id] += row.customers
    waiting = [due_times[group] for group in groups if group]
    return Waterfall(
        audience=audience,
        removed={reason: removed[reason] for reason in REASONS},
        delayed=sum(customers for group, customers in groups.items() if group),
        delayed_until=max(waiting, default=None),
        unreadable_zones=unreadable,
        by_channel=dict(sorted(by_channel.items())),
        by_variant=dict(sorted(by_variant.items())),
        by_offer=dict(sorted(by_offer.items())),
    )
