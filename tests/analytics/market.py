"""Deferred acceptance in plain Python, customers proposing one by one: what arbitration has to agree with."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from loyalty_core.analytics.offers.market import tie_breaker

if TYPE_CHECKING:
    from collections.abc import Mapping


def deferred_acceptance(
    priorities: Mapping[str, Mapping[int, float]], caps: Mapping[int, int | None]
) -> dict[str, int | None]:
    """Offer by customer; `priorities` has for each customer the offers that can be given to them."""
    wishes = {
        customer: sorted(own, key=lambda offer: (own[offer], -offer))  # the best one last
        for customer, own in priorities.items()
    }
    held: dict[int, list[_Place]] = {offer: [] for offer in caps}
    waiting = list(priorities)
    while waiting:
        customer = waiting.pop()
        if not wishes[customer]:
            continue
        offer = wishes[customer].pop()
        heapq.heappush(held[offer], _Place(priorities[customer][offer], customer))
        cap = caps[offer]
        if cap is not None and len(held[offer]) > cap:
            waiting.append(heapq.heappop(held[offer]).customer)
    given = {place.customer: offer for offer, places in held.items() for place in places}
    return {customer: given.get(customer) for customer in priorities}


class _Place:
    """A customer who holds an offer; the one who has to go first is the least."""

    def __init__(self, priority: float, customer: str) -> None:
        self.priority = priority
        self.customer = customer

    def __lt__(self, other: _Place) -> bool:
        if self.priority != other.priority:
            return self.priority < other.priority
        return tie_breaker(self.customer) > tie_breaker(other.customer)
