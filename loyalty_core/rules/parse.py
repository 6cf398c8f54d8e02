"""From JSON to a tree of operations: shape, operators, argument counts and limits, before any name is looked up."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from loyalty_core.names import nearest_names
from loyalty_core.rules.errors import Fault, FaultList, shown
from loyalty_core.rules.operators import OPERATORS, OVER_LISTS, READS_DATA, Operator

MAX_LEVELS = 50
MAX_MEMBERS = 100_000
MAX_LENGTH = 64 * 1024
# All values together; a list used many times over counts each time.
_MAX_VALUES = 250_000
# Ids and codes in a list do not count as text: a list of 100,000 of them is fine.
_SHORT_MEMBER = 64
_LARGEST_NUMBER = 1e300
_PLAIN_NAME = re.compile(r"[a-z_]+|[!=<>+*/%?:-]+")

Scalar = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written in the rule: a scalar, or a list of scalars."""

    value: Any
    path: str
    constant: bool = True


@dataclass(frozen=True, slots=True)
class Items:
    """A list that has operations or lists among its members."""

    members: tuple[Node, ...]
    path: str
    constant: bool


@dataclass(frozen=True, slots=True)
class Call:
    """An operator with its arguments; `constant` when no customer's data can change its result."""

    operator: str
    arguments: tuple[Node, ...]
    path: str
    constant: bool


@dataclass(frozen=True, slots=True)
class Broken:
    """Something that could not be read.

    Its fault has been recorded, unless `fault` is set: that one counts only if the value is needed.
    """

    path: str
    constant: bool = False
    fault: Fault | None = None


Node = Literal | Items | Call | Broken


def is_empty(rule: Any) -> bool:
    """Whether a rule asks nothing, so that everyone belongs."""
    return rule is None or (isinstance(rule, dict | list | tuple | str) and len(rule) == 0)


def parse(rule: Any, faults: FaultList, *, lazy: bool = False) -> Node:
    """Read a rule; whatever is wrong goes to `faults`. Raises `TooLarge` where reading had to stop.

    `lazy` reads as JavaScript does: a wrong operator counts only where it is reached, `Operator.loose` says how many
    arguments one takes, and an empty object within the rule is a value.
    """
    return _Reader(faults, lazy=lazy).read(rule, "$", 0)


class _Reader:
    def __init__(self, faults: FaultList, *, lazy: bool) -> None:
        self._faults = faults
        self._lazy = lazy
        self._characters = 0
        self._values = 0

    def read(self, value: Any, path: str, level: int) -> Node:
        self._count(path)
        if isinstance(value, dict):
            return self._read_call(value, path, level + 1)
        if isinstance(value, list | tuple):
            return self._read_list(value, path, level + 1)
        if not self._is_scalar(value, path):
            return Broken(path)
        if isinstance(value, str):
            self._count_text(len(value), path)
        return Literal(_plain(value), path)

    def _read_call(self, value: dict[Any, Any], path: str, level: int) -> Node:
        self._check_level(level, path)
        if not value and self._lazy:
            return Literal(value, path)
        if len(value) != 1:
            sentence = f"An operation is an object with one key, its operator; this one has {len(value)}."
            remedy = "Join several operations with “and” or “or”." if value else "Remove the empty object."
            self._faults.add("bad_shape", path, sentence, remedy)
            return Broken(path)
        ((name, given),) = value.items()
        if not isinstance(name, str):
            self._faults.add("not_json", path, f"A key is {_type_in_words(name)}, not a text.")
            return Broken(path)
        self._count_text(len(name), path)
        path = f"{path}.{name}" if _PLAIN_NAME.fullmatch(name) else f"{path}[{shown(name)}]"
        unknown = _unknown_operator(name, path)
        arguments = self._read_arguments(given, path, level)
        fault = unknown or _wrong_count(OPERATORS[name], len(arguments), path, loose=self._lazy)
        if fault is None:
            return Call(name, arguments, path, _is_constant(name, arguments))
        if self._lazy:
            return Broken(path, fault=fault)
        self._faults.add(fault.code, fault.path, fault.sentence, fault.remedy)
        return Broken(path)

    def _read_arguments(self, given: Any, path: str, level: int) -> tuple[Node, ...]:
        if not isinstance(given, list | tuple):
            return (self.read(given, path, level),)
        self._check_length(given, path)
        return tuple(self.read(member, f"{path}[{index}]", level) for index, member in enumerate(given))

    def _read_list(self, value: list[Any] | tuple[Any, ...], path: str, level: int) -> Node:
        self._check_level(level, path)
        self._check_length(value, path)
        if any(isinstance(member, dict | list | tuple) for member in value):
            members = tuple(self.read(member, f"{path}[{index}]", level) for index, member in enumerate(value))
            return Items(members, path, all(member.constant for member in members))
        self._count(path, len(value))
        sound = [self._is_scalar(member, path, index) for index, member in enumerate(value)]
        self._count_text(sum(max(0, len(text) - _SHORT_MEMBER) for text in value if isinstance(text, str)), path)
        return Literal([_plain(member) for member in value], path) if all(sound) else Broken(path)

    def _is_scalar(self, value: Any, path: str, index: int | None = None) -> bool:
        fault = _scalar_fault(value)
        if fault is None:
            return True
        self._faults.add(fault[0], path if index is None else f"{path}[{index}]", *fault[1:])
        return False

    def _count(self, path: str, values: int = 1) -> None:
        self._values += values
        if self._values > _MAX_VALUES:
            sentence = f"The rule has more than {_MAX_VALUES:,} values in all."
            raise self._faults.stop("too_large", path, sentence, "Divide it into several segments.")

    def _count_text(self, characters: int, path: str) -> None:
        self._characters += characters
        if self._characters > MAX_LENGTH:
            sentence = f"The texts of the rule are longer than {MAX_LENGTH // 1024} KiB in all."
            raise self._faults.stop("too_much_text", path, sentence, "Divide it into several segments.")

    def _check_level(self, level: int, path: str) -> None:
        if level > MAX_LEVELS:
            sentence = f"The rule is nested more than {MAX_LEVELS} levels deep."
            raise self._faults.stop("too_deep", path[:200], sentence, "Join conditions side by side where possible.")

    def _check_length(self, members: list[Any] | tuple[Any, ...], path: str) -> None:
        if len(members) > MAX_MEMBERS:
            sentence = f"The list has {len(members):,} members; {MAX_MEMBERS:,} is the most."
            raise self._faults.stop("too_long", path, sentence, "Load the list into the warehouse and use its column.")


def _unknown_operator(name: str, path: str) -> Fault | None:
    if name in OPERATORS:
        return None
    near = nearest_names(name, OPERATORS)
    hint = f"Did you mean {near[0]}?" if near else f"Operators are {', '.join(OPERATORS)}."
    return Fault("unknown_operator", path, f"There is no operator {shown(name)}.", hint)


def _wrong_count(operator: Operator, arguments: int, path: str, *, loose: bool) -> Fault | None:
    least, most = operator.loose if loose else (operator.least, operator.most)
    if least <= arguments <= most:
        return None
    sentence = f"{operator.name} takes {operator.counts}; here it has {arguments}."
    remedy = "Add a condition to the group, or delete the group." if operator.name in {"and", "or"} else ""
    return Fault("argument_count", path, sentence, remedy)


def _is_constant(name: str, arguments: tuple[Node, ...]) -> bool:
    if name in READS_DATA:
        return False
    # The body of these sees the members of their list and nothing else.
    outer = (*arguments[:1], *arguments[2:]) if name in OVER_LISTS else arguments
    return all(argument.constant for argument in outer) and not any(isinstance(a, Broken) for a in arguments)


def _scalar_fault(value: Any) -> tuple[str, str, str] | None:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return _text_fault(value)
    if isinstance(value, int):
        large = abs(value) > _LARGEST_NUMBER
    elif isinstance(value, float | Decimal):
        if not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
            return "not_finite", "A number in the rule is infinite or not a number.", "Write a finite number."
        large = abs(value) > _LARGEST_NUMBER
    else:
        return "not_json", f"A value is {_type_in_words(value)}, which JSON does not have.", ""
    return ("number_too_large", "A number is too large to compare with.", "") if large else None


def _text_fault(value: str) -> tuple[str, str, str] | None:
    if "\0" in value:
        return "bad_text", "A text holds the character NUL, which databases cannot store.", "Leave it out."
    try:
        value.encode()
    except UnicodeEncodeError:
        return "bad_text", "A text holds half of a character (a lone surrogate).", "Write the text again."
    return None


def _plain(value: Any) -> Scalar:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _type_in_words(value: Any) -> str:
    return f"of the type {type(value).__name__}"


def as_json(rule: Any) -> Any:
    """A copy of a sound rule that shares nothing with it and holds JSON types only."""
    return {} if is_empty(rule) else json.loads(json.dumps(rule, default=_plain))
