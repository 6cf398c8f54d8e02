"""How a rule's dates read in its sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loyalty_core.rules.tree import Period

_FROM, _TO = "is on or after ", "is on or before "


def between(lower: Period, upper: Period, days: tuple[int | None, int | None]) -> str:
    """How a period between two days reads; those counted from today (`days` after it) are named with their dates."""
    if not (lower.wording.startswith(_FROM) and upper.wording.startswith(_TO)):
        return f"is both {lower.wording.removeprefix('is ')} and {upper.wording.removeprefix('is ')}"
    start, end = (period.wording.rpartition(" ")[2].strip("()") for period in (lower, upper))
    if days in {(0, 0), (1, 1)}:
        return f"is in the {'next' if days[0] else 'last'} day ({end})"
    if days[1] == 0 and days[0] is not None and days[0] < 0:
        return f"is in the last {1 - days[0]} days ({start} to {end})"
    if days[0] == 1 and days[1] is not None and days[1] > 1:
        return f"is in the next {days[1]} days ({start} to {end})"
    return f"is from {lower.wording.removeprefix(_FROM)} to {upper.wording.removeprefix(_TO)}"


def days_in_words(days: int | None) -> str:
    """How a day so many days after today is named; empty for a day that is not counted from today."""
    if days is None:
        return ""
    if days == 0:
        return "today"
    return f"{abs(days)} day{'s' if abs(days) != 1 else ''} {'before' if days < 0 else 'after'} today"
