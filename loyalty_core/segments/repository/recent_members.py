"""Which segments the customers of the latest events belong to, so that their members are not looked up again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cachetools import LRUCache
from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from loyalty_core.segments.live_rules import Answers

State = tuple[int, int, int]
"""Of a segment's members: the number of the latest size, and how many joined and left since."""

_MOST_CUSTOMERS = 50_000


class RecentMembers:
    """The segments of customers as of the last transaction that changed members through this object.

    They are known until anybody else changes the members of any segment, and with them its state: then all of them are
    forgotten. For one thread at a time.
    """

    def __init__(self, most_customers: int = _MOST_CUSTOMERS) -> None:
        self._known: LRUCache[str, tuple[tuple[str, ...], bytes]] = LRUCache(most_customers)
        self._states: Mapping[str, State] = {}

    def compare(
        self, answers: Mapping[str, Answers], states: Mapping[str, State]
    ) -> tuple[dict[str, dict[str, bool]], dict[str, Answers]]:
        """The answers that differ from what is known, by segment and customer, and those of whom nothing is known.

        `states` are those of the segments now.
        """
        if states != self._states:
            return {}, dict(answers)
        different: dict[str, dict[str, bool]] = {}
        unknown: dict[str, Answers] = {}
        for customer_id, (segments, belongs) in answers.items():
            known = self._known.get(customer_id)
            if known is None or known[0] != segments:
                unknown[customer_id] = answers[customer_id]
            elif known[1] != bytes(belongs):
                for segment_id, before, is_member in zip(segments, known[1], belongs, strict=True):
                    if before != is_member:
                        different.setdefault(segment_id, {})[customer_id] = is_member
        return different, unknown

    def know_after_commit(
        self,
        session: Session,
        answers: Mapping[str, Answers],
        *,
        before: Mapping[str, State],
        after: Mapping[str, State],
    ) -> None:
        """Once the session is committed, these are the segments of the customers, by which the states have changed."""

        def know(_: Session) -> None:
            if before != self._states:
                self._known.clear()
            self._states = after
            self._known.update({one: (segments, bytes(belongs)) for one, (segments, belongs) in answers.items()})

        event.listen(session, "after_commit", know, once=True)
