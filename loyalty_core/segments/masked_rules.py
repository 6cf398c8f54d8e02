"""Rules for viewers who may not see the values that they compare some columns with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty_core.errors import LoyaltyError
from loyalty_core.warehouse.columns import MASK

if TYPE_CHECKING:
    from collections.abc import Container

    from loyalty_core.warehouse import Warehouse

_JOINS = frozenset({"and", "or", "!", "!!", "if", "?:"})
_READS = frozenset({"var", "missing", "missing_some"})


def as_seen_in(warehouse: Warehouse, rule: Any) -> Any:
    """The JSONLogic as viewers see it who see this warehouse: with a mask for the values of hidden columns."""
    try:
        hidden = warehouse.hidden
    except LoyaltyError:  # in an outage it is not known which columns are
        return without_values_of(rule, None)
    return without_values_of(rule, hidden) if hidden else rule


def without_values_of(rule: Any, hidden: Container[str] | None) -> Any:
    """The JSONLogic with a mask for each constant in conditions that read a hidden column; None hides all columns."""
    if isinstance(rule, list):
        return [without_values_of(part, hidden) for part in rule]
    if not isinstance(rule, dict):
        return rule
    return {
        operator: without_values_of(arguments, hidden)
        if operator in _JOINS or not reads_any(arguments, hidden)
        else _masked(arguments)
        for operator, arguments in rule.items()
    }


def reads_any(rule: Any, hidden: Container[str] | None) -> bool:
    """Whether any of the hidden columns is read; any JSON will do."""
    waiting = [rule]
    # An explicit stack: a rule may be nested deeper than Python can recurse.
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if any(operator in _READS and _names_any(arguments, hidden) for operator, arguments in part.items()):
                return True
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return False


def _names_any(arguments: Any, hidden: Container[str] | None) -> bool:
    waiting = [arguments]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, str) and (hidden is None or part in hidden):
            return True
    return False


def _masked(part: Any) -> Any:
    """Every constant as the mask; names of columns stay."""
    if isinstance(part, list):
        return [_masked(each) for each in part]
    if isinstance(part, dict):
        return {operator: each if operator in _READS else _masked(each) for operator, each in part.items()}
    return MASK
