"""A bound rule as an English sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty_core.rules.tree import (
    Agreement,
    AllOf,
    Always,
    AnyOf,
    Blank,
    Branch,
    Calculation,
    Choice,
    Comparison,
    Condition,
    Constant,
    FewerFilled,
    Field,
    Joined,
    Leaf,
    Membership,
    Negation,
    Part,
    Period,
    TextMatch,
    Truth,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN_MEMBERS = 10
_MAX_SHOWN_DIGITS = 60
_COMPARISONS = {
    "==": ("is", "is not"),
    "<": ("is less than", "is not less than"),
    "<=": ("is at most", "is not at most"),
    ">": ("is more than", "is not more than"),
    ">=": ("is at least", "is not at least"),
}
_SEARCHES = {
    "contains": ("contains", "does not contain"),
    "starts": ("starts with", "does not start with"),
    "ends": ("ends with", "does not end with"),
}


def describe(condition: Condition) -> str:
    """The whole rule: "All customers", or "Customers where …"."""
    if isinstance(condition, Always):
        return "All customers" if condition.holds else "No customers"
    return f"Customers where {describe_condition(condition)}"


def describe_condition(condition: Condition, *, positive: bool = True, inside: bool = False) -> str:
    """A condition, or its opposite; in brackets where it is `inside` another group."""
    match condition:
        case Always():
            return "always" if condition.holds == positive else "never"
        case Negation():
            return describe_condition(condition.condition, positive=not positive, inside=inside)
        case AllOf() | AnyOf():
            return _group(condition, positive=positive, inside=inside)
        case Branch():
            pairs = [
                (describe_condition(when, inside=True), describe_condition(then, positive=positive, inside=True))
                for when, then in condition.cases
            ]
            cases = [f"if {when} then {then}" for when, then in pairs]
            otherwise = describe_condition(condition.otherwise, positive=positive, inside=True)
            return f"({', else '.join(cases)}, else {otherwise})"
        case Agreement():
            sides = [describe_condition(side, inside=True) for side in (condition.left, condition.right)]
            joined = " exactly when ".join(sides) if positive else f"either {' or '.join(sides)}, but not both"
            return f"({joined})"
        case _:
            written = _leaf(condition, positive=positive)
            return f"({written})" if inside and _has_two_ends(condition) else written


def describe_value(value: Value | None) -> str:
    """A value: the label of a column, a constant, a calculation."""
    match value:
        case None:
            return "blank"
        case Field():
            return value.label
        case Constant():
            return show_value(value.value)
        case Calculation(operator="min" | "max"):
            word = "smallest" if value.operator == "min" else "largest"
            return f"the {word} of {_listed(map(describe_value, value.operands), 'and')}"
        case Calculation(operator="-", operands=(only,)):
            return f"−{describe_value(only)}"
        case Calculation():
            sign = {"*": "×", "/": "÷", "%": "modulo"}.get(value.operator, value.operator)
            return f"({f' {sign} '.join(map(describe_value, value.operands))})"
        case Joined():
            return f"({' followed by '.join(map(describe_value, value.parts))})"
        case Part():
            length = "" if value.length is None else f", length {value.length}"
            return f"the part of {describe_value(value.text)} from position {value.start}{length}"
        case Choice():
            cases = [f"{describe_value(then)} if {describe_condition(when, inside=True)}" for when, then in value.cases]
            return f"({', '.join(cases)}, else {describe_value(value.otherwise)})"


def show_value(value: Any) -> str:
    """A constant or a customer's value as a sentence shows it."""
    if value is None:
        return "blank"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and abs(value) >= 10**_MAX_SHOWN_DIGITS:
        return "a very large number"
    if isinstance(value, int | float):
        return f"{value:,}" if isinstance(value, int) or abs(value) < 1e15 else f"{value:g}"
    return f"“{value}”" if isinstance(value, str) else str(value)


def _has_two_ends(condition: Condition) -> bool:
    """Whether a sentence names both the first and the last day of a period, which need brackets beside “or”."""
    return isinstance(condition, Period) and condition.wording.startswith(("is from ", "is both "))


def _group(group: AllOf | AnyOf, *, positive: bool, inside: bool) -> str:
    every = isinstance(group, AllOf) == positive
    if not group.conditions:
        return "always" if every else "never"
    if not positive and len(group.conditions) > 1:
        words = "none of these holds" if isinstance(group, AnyOf) else "not all of these hold"
        negated = f"{words}: ({_group(group, positive=True, inside=False)})"
        return f"({negated})" if inside else negated
    written = [describe_condition(one, positive=positive, inside=True) for one in group.conditions]
    joined = f" {'and' if every else 'or'} ".join(written)
    return f"({joined})" if inside and len(written) > 1 else joined


def _leaf(leaf: Leaf, *, positive: bool) -> str:
    index = 0 if positive else 1
    match leaf:
        case Comparison():
            words = _COMPARISONS[leaf.operator][index]
            return f"{describe_value(leaf.left)} {words} {describe_value(leaf.right)}"
        case Membership():
            words = ("is one of", "is none of")[index]
            members = [*map(show_value, leaf.members[:_SHOWN_MEMBERS]), *(["blank"] if leaf.blank else [])]
            more = len(leaf.members) - _SHOWN_MEMBERS
            listed = _listed([*members, f"{more:,} more"], "and") if more > 0 else _listed(members, "or")
            return f"{describe_value(leaf.value)} {words} {listed or 'nothing'}"
        case Period():
            wording = leaf.wording if positive else leaf.wording.replace("is ", "is not ", 1)
            return f"{leaf.value.label} {wording}"
        case TextMatch():
            return f"{describe_value(leaf.text)} {_SEARCHES[leaf.how][index]} {describe_value(leaf.part)}"
        case Blank():
            return f"{describe_value(leaf.value)} {('is blank', 'is not blank')[index]}"
        case Truth():
            return _truth(leaf.value, positive=positive)
        case FewerFilled():
            words = ("fewer than {} of {} are filled", "at least {} of {} are filled")[index]
            return words.format(leaf.needed, _listed((column.label for column in leaf.columns), "and"))


def _truth(value: Value, *, positive: bool) -> str:
    words = {"boolean": ("is yes", "is not yes"), "number": ("is filled and not 0", "is 0 or blank")}
    held, failed = words.get(value.kind, ("is filled and not empty", "is empty or blank"))
    return f"{describe_value(value)} {held if positive else failed}"


def _listed(words: Iterable[str], last: str) -> str:
    *first, end = list(words) or [""]
    return f"{', '.join(first)} {last} {end}" if first else end
