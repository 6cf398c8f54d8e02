"""Events with dates, from purchases alone: the next purchase, going silent, and counting as lapsed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

Event = Literal["purchase", "left", "lapsed"]
Days = npt.NDArray[np.float64]

# As ACTIVE_WITHIN_DAYS by default.
SILENCE_DAYS = 90

MEANING: dict[Event, str] = {
    "purchase": "the next purchase; the probability of none within the horizon is what a marketer reads",
    "left": f"the first day of a silence of {SILENCE_DAYS} days, which is known {SILENCE_DAYS} days later",
    "lapsed": f"the day on which an active customer has bought nothing for {SILENCE_DAYS} days",
}


class Times(NamedTuple):
    """`event` has the days from the snapshot to each customer's event, `followed` those until which it is known.

    Without an event by then it is infinite. `is_at_risk` is false for customers to whom the event cannot happen.
    """

    event: Days
    followed: Days
    is_at_risk: npt.NDArray[np.bool_]


def times_to(event: Event, purchases: Sequence[Days], day: float, end: float) -> Times:
    """The times from `day` to the event, seen from `end`; `purchases` are the sorted days of each customer."""
    known_until = end - SILENCE_DAYS if event == "left" else end
    found = np.full(len(purchases), np.inf)
    at_risk = np.ones(len(purchases), dtype=bool)
    for place, days in enumerate(purchases):
        seen = days[days < end]
        following = seen[seen >= day]
        if event == "purchase":
            found[place] = following[0] if len(following) else np.inf
        elif event == "left":
            found[place] = _silence_after(np.concatenate([[day], following + 1]))
        else:
            last = seen[seen < day][-1]
            at_risk[place] = day - last < SILENCE_DAYS
            found[place] = _silence_after(np.concatenate([[last], following])) + SILENCE_DAYS
    found[found > known_until] = np.inf
    return Times(np.maximum(found - day, 0), np.full(len(purchases), known_until - day), at_risk)


def _silence_after(days: Days) -> float:
    """The first of the days that no other follows within SILENCE_DAYS."""
    is_last = np.append(np.diff(days) > SILENCE_DAYS, [True])
    return float(days[is_last.argmax()])
