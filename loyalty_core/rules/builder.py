"""JSONLogic to and from the visual builder's tree of groups and conditions, without loss.

Each operator of the builder is a row of `OPERATORS`: what it is called, for which columns, what it asks for, and the
JSONLogic that it represents, in which `COLUMN`, `FIRST`, `SECOND` and the like are filled in.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from loyalty_core.rules.errors import FaultList, TooLarge
from loyalty_core.rules.parse import is_empty, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from loyalty_core.rules.tree import Kind, RuleColumn


class Slot(Enum):
    """A place in an operator's JSONLogic."""

    COLUMN = auto()
    FIRST = auto()  # the condition's first value
    SECOND = auto()
    LIST = auto()  # all of its values
    LENGTH = auto()  # how many characters the first value has
    MINUS_LENGTH = auto()
    DAYS_BEFORE = auto()  # from today back to the first of this many days, of which it is the last


COLUMN, FIRST, SECOND, LIST = Slot.COLUMN, Slot.FIRST, Slot.SECOND, Slot.LIST


@dataclass(frozen=True, slots=True)
class ConditionOperator:
    """One choice in the builder's list of operators.

    `values` is how many values it asks for, None for a list of any length; `value_kind` what they are when not of the
    column's own kind ("days" is a whole number from 1). `sentence` has `{column}`, `{first}`, `{second}` and `{list}`.
    """

    key: str
    label: str
    kinds: frozenset[Kind]
    values: int | None
    sentence: str
    form: Any
    value_kind: str = ""


@dataclass(frozen=True, slots=True)
class BuilderCondition:
    """A column, an operator's key and the values asked for."""

    column: str
    operator: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class BuilderGroup:
    """Conditions and groups of which all, any or none have to hold."""

    match: str
    members: tuple[BuilderGroup | BuilderCondition, ...] = ()


_NUMBER: frozenset[Kind] = frozenset({"number"})
_TEXT: frozenset[Kind] = frozenset({"text"})
_BOOLEAN: frozenset[Kind] = frozenset({"boolean"})
_DATES: frozenset[Kind] = frozenset({"date", "datetime"})
_ANY: frozenset[Kind] = frozenset({"number", "text", "boolean", "date", "datetime", "other"})

_ROWS: tuple[ConditionOperator, ...] = (
    ConditionOperator("is_blank", "is blank", _ANY, 0, "{column} is blank", {"==": [COLUMN, None]}),
    ConditionOperator("is_not_blank", "is not blank", _ANY, 0, "{column} is not blank", {"!=": [COLUMN, None]}),
    ConditionOperator("is_true", "is yes", _BOOLEAN, 0, "{column} is yes", {"==": [COLUMN, True]}),
    ConditionOperator("is_false", "is no", _BOOLEAN, 0, "{column} is no", {"==": [COLUMN, False]}),
    ConditionOperator("equals", "is", _NUMBER | _TEXT, 1, "{column} is {first}", {"==": [COLUMN, FIRST]}),
    ConditionOperator("not_equals", "is not", _NUMBER | _TEXT, 1, "{column} is not {first}", {"!=": [COLUMN, FIRST]}),
    ConditionOperator("less", "is less than", _NUMBER, 1, "{column} is less than {first}", {"<": [COLUMN, FIRST]}),
    ConditionOperator("at_most", "is at most", _NUMBER, 1, "{column} is at most {first}", {"<=": [COLUMN, FIRST]}),
    ConditionOperator("more", "is more than", _NUMBER, 1, "{column} is more than {first}", {">": [COLUMN, FIRST]}),
    ConditionOperator("at_least", "is at least", _NUMBER, 1, "{column} is at least {first}", {">=": [COLUMN, FIRST]}),
    ConditionOperator(
        "between", "is between", _NUMBER, 2, "{column} is from {first} to {second}", {"<=": [FIRST, COLUMN, SECOND]}
    ),
    ConditionOperator(
        "one_of", "is one of", _NUMBER | _TEXT, None, "{column} is one of {list}", {"in": [COLUMN, LIST]}
    ),
    ConditionOperator(
        "none_of", "is none of", _NUMBER | _TEXT, None, "{column} is none of {list}", {"!": {"in": [COLUMN, LIST]}}
    ),
    ConditionOperator("contains", "contains", _TEXT, 1, "{column} contains {first}", {"in": [FIRST, COLUMN]}),
    ConditionOperator(
        "not_contains",
        "does not contain",
        _TEXT,
        1,
        "{column} does not contain {first}",
        {"!": {"in": [FIRST, COLUMN]}},
    ),
    ConditionOperator(
        "starts_with",
        "starts with",
        _TEXT,
        1,
        "{column} starts with {first}",
        {"==": [{"substr": [COLUMN, 0, Slot.LENGTH]}, FIRST]},
    ),
    ConditionOperator(
        "ends_with",
        "ends with",
        _TEXT,
        1,
        "{column} ends with {first}",
        {"==": [{"substr": [COLUMN, Slot.MINUS_LENGTH]}, FIRST]},
    ),
    ConditionOperator("on", "is on", _DATES, 1, "{column} is on {first}", {"==": [COLUMN, FIRST]}),
    ConditionOperator("before", "is before", _DATES, 1, "{column} is before {first}", {"<": [COLUMN, FIRST]}),
    ConditionOperator("after", "is after", _DATES, 1, "{column} is after {first}", {">": [COLUMN, FIRST]}),
    ConditionOperator(
        "on_or_before", "is on or before", _DATES, 1, "{column} is on or before {first}", {"<=": [COLUMN, FIRST]}
    ),
    ConditionOperator(
        "on_or_after", "is on or after", _DATES, 1, "{column} is on or after {first}", {">=": [COLUMN, FIRST]}
    ),
    ConditionOperator(
        "in_last_days",
        "is in the last … days",
        _DATES,
        1,
        "{column} is in the last {first} days",
        {"<=": [{"today": Slot.DAYS_BEFORE}, COLUMN, {"today": 0}]},
        "days",
    ),
    ConditionOperator(
        "in_next_days",
        "is in the next … days",
        _DATES,
        1,
        "{column} is in the next {first} days",
        {"<=": [{"today": 1}, COLUMN, {"today": FIRST}]},
        "days",
    ),
    ConditionOperator(
        "in_period", "is from … to", _DATES, 2, "{column} is from {first} to {second}", {"<=": [FIRST, COLUMN, SECOND]}
    ),
)
OPERATORS: dict[str, ConditionOperator] = {operator.key: operator for operator in _ROWS}

_DERIVED: dict[Slot, Callable[[tuple[Any, ...]], Any]] = {
    FIRST: lambda values: values[0],
    SECOND: lambda values: values[1],
    LIST: list,
    Slot.LENGTH: lambda values: len(values[0]),
    Slot.MINUS_LENGTH: lambda values: -len(values[0]),
    Slot.DAYS_BEFORE: lambda values: 1 - values[0],
}


def operators_for(kind: Kind) -> tuple[ConditionOperator, ...]:
    """The operators that the builder offers for a column of that kind."""
    return tuple(operator for operator in _ROWS if kind in operator.kinds)


def from_builder(part: BuilderGroup | BuilderCondition) -> Any:
    """The JSONLogic of a builder's tree; {} for a whole rule that is an empty group of all."""
    return {} if part == BuilderGroup("all") else _written(part)


def to_builder(rule: Any, columns: Iterable[RuleColumn]) -> BuilderGroup | BuilderCondition | None:
    """The builder's tree of a rule; None for one that it cannot show exactly as it is, or that is malformed."""
    if is_empty(rule):
        return BuilderGroup("all")
    faults = FaultList()
    try:
        parse(rule, faults)
    except TooLarge:
        return None
    if faults.found:
        return None
    return _shown(rule, {column.name: column.kind for column in columns})


def _written(part: BuilderGroup | BuilderCondition) -> Any:
    if isinstance(part, BuilderGroup):
        members = [_written(member) for member in part.members]
        match part.match:
            case "all":
                return {"and": members}
            case "any":
                return {"or": members}
            case _:
                return {"!": {"or": members}}
    return _filled(OPERATORS[part.operator].form, part)


def _filled(form: Any, condition: BuilderCondition) -> Any:
    match form:
        case Slot.COLUMN:
            return {"var": condition.column}
        case Slot():
            return _DERIVED[form](condition.values)
        case dict():
            return {key: _filled(value, condition) for key, value in form.items()}
        case list():
            return [_filled(member, condition) for member in form]
        case _:
            return form


def _shown(rule: Any, kinds: dict[str, Kind]) -> BuilderGroup | BuilderCondition | None:
    match rule:
        case {"and": list(members)}:
            return _group("all", members, kinds)
        case {"or": list(members)}:
            return _group("any", members, kinds)
        case {"!": {"or": list(members)}}:
            return _group("none", members, kinds)
        case _:
            return _condition(rule, kinds)


def _group(match: str, members: list[Any], kinds: dict[str, Kind]) -> BuilderGroup | None:
    shown = [_shown(member, kinds) for member in members]
    known = tuple(member for member in shown if member is not None)
    return BuilderGroup(match, known) if len(known) == len(shown) else None


def _condition(rule: Any, kinds: dict[str, Kind]) -> BuilderCondition | None:
    for operator in _ROWS:
        found: dict[Slot, Any] = {}
        if not _fits(operator.form, rule, found) or kinds.get(found[COLUMN]) not in operator.kinds:
            continue
        condition = BuilderCondition(found[COLUMN], operator.key, _values(operator, found))
        # What was derived, such as a length, has to be what the rule says.
        if _is_complete(operator, kinds[condition.column], condition.values) and _same(
            _filled(operator.form, condition), rule
        ):
            return condition
    return None


def _values(operator: ConditionOperator, found: dict[Slot, Any]) -> tuple[Any, ...]:
    if operator.values is None:
        return tuple(found[LIST])
    if Slot.DAYS_BEFORE in found:
        return (1 - found[Slot.DAYS_BEFORE],)
    return tuple(found[slot] for slot in (FIRST, SECOND)[: operator.values])


def _is_complete(operator: ConditionOperator, kind: Kind, values: tuple[Any, ...]) -> bool:
    """Whether the values are such as the builder's fields for that kind of column can hold."""
    if operator.value_kind == "days":
        return type(values[0]) is int and values[0] > 0
    wanted = int | float if kind == "number" else str
    return all(isinstance(value, wanted) and not isinstance(value, bool) for value in values)


def _fits(form: Any, rule: Any, found: dict[Slot, Any]) -> bool:
    """Whether the rule has the form; the contents of its slots go to `found`."""
    match form:
        case Slot.COLUMN:
            found[form] = rule["var"] if isinstance(rule, dict) and len(rule) == 1 and "var" in rule else None
            return isinstance(found[form], str)
        case Slot.DAYS_BEFORE:
            found[form] = rule
            return type(rule) is int
        case Slot.LIST:
            found[form] = rule
            return isinstance(rule, list)
        case Slot():
            found[form] = rule
            return not isinstance(rule, dict | list)
        case dict():
            ((key, inner),) = form.items()
            return isinstance(rule, dict) and len(rule) == 1 and key in rule and _fits(inner, rule[key], found)
        case list():
            return (
                isinstance(rule, list)
                and len(rule) == len(form)
                and all(_fits(inner, member, found) for inner, member in zip(form, rule, strict=True))
            )
        case _:
            return _same(form, rule)


def _same(left: Any, right: Any) -> bool:
    """Equal in JSON, where true is not 1 and 1 is not 1.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return left == right
