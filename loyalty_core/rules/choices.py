"""A comparison with a choice of numbers, as a choice of comparisons.

Each number is then compared as what it is: a column as it is stored, a default exactly, however large it is.
"""

import operator
from collections.abc import Callable
from typing import Any

from loyalty_core.rules.tree import Always, Blank, Branch, Choice, Comparison, Condition, Constant, Field, Value

_OPERATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def by_case(comparison: Comparison) -> Branch | None:
    """What decides for each case of a choice that a column or a constant is compared with; None for anything else."""
    if isinstance(comparison.left, Choice):
        comparison = comparison.flipped()
    choice = comparison.right
    if not isinstance(choice, Choice) or choice.kind != "number" or not isinstance(comparison.left, Field | Constant):
        return None
    cases = tuple((when, _compare(comparison, then)) for when, then in choice.cases)
    return Branch(cases, _compare(comparison, choice.otherwise), comparison.path)


def _compare(comparison: Comparison, right: Value | None) -> Condition:
    left = comparison.left
    if right is None:
        is_blank = isinstance(left, Field) and comparison.operator == "=="
        return Blank(left, comparison.path) if is_blank else Always(False, comparison.path)
    if isinstance(left, Constant) and isinstance(right, Constant):
        return Always(_OPERATIONS[comparison.operator](left.number, right.number), comparison.path)
    compared = Comparison(comparison.operator, left, right, comparison.path)
    return compared.flipped() if isinstance(left, Constant) else compared
