"""The line under a condition: how many customers it holds for, and what is unusual about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from loyalty_core.ui import formatting

if TYPE_CHECKING:
    from loyalty_core.ui.segments.editor.nodes import ConditionNode

# Which end of all values a threshold cuts off; how much of it says where the threshold lies.
_ENDS = {"less": "lowest", "at_most": "lowest", "more": "highest", "at_least": "highest"}
_CASE_SENSITIVE = frozenset({"contains", "not_contains", "starts_with", "ends_with"})


@dataclass(frozen=True)
class ConditionNote:
    """Of `customers`, for how many a condition holds and how many have no value in its column.

    `certain` is False where nobody can meet the condition whatever the data, True where everybody does.
    """

    holds: int
    blanks: int
    customers: int
    certain: bool | None = None


def note_text(condition: ConditionNode, note: ConditionNote | None) -> str:
    """The line under a condition."""
    if condition.column is None:
        return "Choose a field; until then this condition is not counted."
    if not condition.is_complete:
        return "Choose a value; until then this condition is not counted."
    if note is None:
        return "&nbsp;"  # reserves the line, so that nothing moves when the count arrives
    if note.certain is not None:
        return f":orange[:material/warning: {_certainty(condition, holds=note.certain)}]"
    text = f"{formatting.count(note.holds)} match"
    filled = note.customers - note.blanks
    if condition.operator in _ENDS and note.holds and filled:
        # The only share in the line: one of all customers beside it would be of another whole.
        text += f", the {_ENDS[condition.operator]} {formatting.percent(note.holds / filled, 1)} of known values"
    if note.blanks:
        text += f" · {formatting.count(note.blanks)} blank"
    if condition.operator in _CASE_SENSITIVE:
        text += " · case-sensitive"
    return text


def _certainty(condition: ConditionNode, *, holds: bool) -> str:
    """What no data can change about a condition."""
    if holds:
        return "Everybody matches, whatever the data."
    if condition.operator == "between":
        return "Nobody can match: the first value is above the second."
    if condition.operator == "in_period":
        return "Nobody can match: the first day is after the second."
    return "Nobody can match, whatever the data."
