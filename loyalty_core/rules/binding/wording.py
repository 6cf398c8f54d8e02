"""How a rule's dates read in its sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.rules.parse import Call

if TYPE_CHECKING:
    from loyalty_core.rules.parse import Node
    from loyalty_core.rules.tree import Period

_FROM, _TO = "is on or after ", "is on or before "


def between(first: Node, last: Node, lower: Period, upper: Period) -> str:
    """How a period between two days reads; relative days are named with the dates that they mean."""
    if not (lower.wording.startswith(_FROM) and upper.wording.startswith(_TO)):
        return f"is both {lower.wording.removeprefix('is ')} and {upper.wording.removeprefix('is ')}"
    days = _days_from_today(first), _days_from_today(last)
    start, end = (period.wording.rpartition(" ")[2].strip("()") for period in (lower, upper))
    if days in {(0, 0), (1, 1)}:
        return f"is in the {'next' if days[0] else 'last'} day ({end})"
    if days[1] == 0 and days[0] is not None and days[0] < 0:
        return f"is in the last {1 - days[0]} days ({start} to {end})"
    if days[0] == 1 and days[1] is not None and days[1] > 1:
        return f"is in the next {days[1]} days ({start} to {end})"
    return f"is from {lower.wording.removeprefix(_FROM)} to {upper.wording.removeprefix(_TO)}"


def days_in_words(node: Node) -> str:
    """How a day counted from today is named; empty for any other."""
    days = _days_from_today(node)
    if days is None:
        return ""
    if days == 0:
        return "today"
    return f"{abs(days)} day{'s' if abs(days) != 1 else ''} {'before' if days < 0 else 'after'} today"


def _days_from_today(node: Node) -> int | None:
    if not isinstance(node, Call) or node.operator != "today":
        return None
    value = getattr(node.arguments[0], "value", None) if node.arguments else 0
    return value if type(value) is int else None
