"""JSONLogic over any data, as jsonlogic.com defines it, except that a blank is less, greater and equal to nothing."""

from __future__ import annotations

import itertools
import math
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from loyalty_core.rules.errors import FaultList, RuleError, TooLarge
from loyalty_core.rules.json_values import (
    LARGEST_INTEGER,
    LONGEST_TEXT,
    as_text,
    find,
    in_order,
    is_true,
    loosely_equal,
    plain,
    strictly_equal,
    substring,
    to_number,
)
from loyalty_core.rules.parse import Broken, Call, Items, Literal, Node, is_empty, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

# Enough for every member of a list of 100,000 to meet three operations; takes a second at most.
_MAX_STEPS = 300_000
_MAX_DAYS = 100_000


def safe_json_logic(rule: Any, data: Any = None, *, today: date | None = None) -> Any:
    """The value of a JSONLogic rule for `data`; True for an empty or null rule.

    Raises `RuleError` when the rule is malformed or asks for too much work, and nothing else whatever the data.
    `today` is the day that the operator `today` counts from, by default the present one in UTC.
    """
    if is_empty(rule) and not isinstance(rule, str | list | tuple):
        return True
    faults = FaultList()
    try:
        node = parse(rule, faults, lazy=True)
        if not faults.found:
            return Evaluation(faults, today or datetime.now(UTC).date()).value(node, data)
    except TooLarge:
        pass
    raise RuleError(faults.found)


class Evaluation:
    """Values of parsed rules; everything that one instance evaluates shares one limit of work."""

    def __init__(self, faults: FaultList, today: date) -> None:
        self._faults = faults
        self._today = today
        self._steps = 0

    def value(self, node: Node, data: Any) -> Any:
        """The value of a node; raises `TooLarge`, with a fault, when it takes too much work."""
        self._spend(1, node)
        match node:
            case Literal():
                return list(node.value) if isinstance(node.value, list) else node.value
            case Items():
                return [self.value(member, data) for member in node.members]
            case Call(operator="and" | "or" | "if" | "?:" as name):
                return self._choose(name, node.arguments, data)
            case Call(operator="some" | "all" | "none" | "filter" | "map" | "reduce" as name):
                return self._over_list(name, node, data)
            case Call(operator="var"):
                return self._variable([self.value(argument, data) for argument in node.arguments], data)
            case Call(operator="missing" | "missing_some" as name):
                return self._missing(name, [self.value(argument, data) for argument in node.arguments], data)
            case Call():
                return self._apply(node, [self.value(argument, data) for argument in node.arguments])
            case Broken():
                if node.fault is not None:
                    self._faults.found.append(node.fault)
                    raise TooLarge
                return None

    def _spend(self, steps: int, node: Node) -> None:
        self._steps += steps
        if self._steps > _MAX_STEPS:
            sentence = f"The rule takes more than {_MAX_STEPS:,} steps."
            raise self._faults.stop("too_much_work", node.path, sentence, "Shorten its lists.")

    def _choose(self, name: str, arguments: tuple[Node, ...], data: Any) -> Any:
        if name in {"and", "or"}:
            result = None
            for argument in arguments:
                result = self.value(argument, data)
                if is_true(result) == (name == "or"):
                    break
            return result
        for index in range(0, len(arguments) - 1, 2):
            if is_true(self.value(arguments[index], data)):
                return self.value(arguments[index + 1], data)
        return self.value(arguments[-1], data) if len(arguments) % 2 else None

    def _over_list(self, name: str, node: Call, data: Any) -> Any:
        given, body = self.value(node.arguments[0], data), node.arguments[1]
        members = given if isinstance(given, list) else []
        match name:
            case "map":
                return [self.value(body, member) for member in members]
            case "filter":
                return [member for member in members if is_true(self.value(body, member))]
            case "reduce":
                result = self.value(node.arguments[2], data) if len(node.arguments) > 2 else None
                for member in members:
                    result = self.value(body, {"current": member, "accumulator": result})
                return result
            case "all":
                return bool(members) and all(is_true(self.value(body, member)) for member in members)
            case _:
                found = any(is_true(self.value(body, member)) for member in members)
                return found == (name == "some")

    def _variable(self, arguments: list[Any], data: Any) -> Any:
        found = find(data, arguments[0] if arguments else None)
        return arguments[1] if found is None and len(arguments) > 1 else found

    def _missing(self, name: str, arguments: list[Any], data: Any) -> list[Any]:
        needed = to_number(arguments[0]) if name == "missing_some" else None
        names = arguments[1:] if name == "missing_some" else arguments
        if names and isinstance(names[0], list):
            names = names[0]
        absent = [path for path in names if _is_absent(find(data, path))]
        return [] if needed is not None and len(names) - len(absent) >= needed else absent

    def _apply(self, node: Call, values: list[Any]) -> Any:
        match node.operator:
            case "==" | "!=" as name:
                return loosely_equal(*_first(values, 2)) == (name == "==")
            case "===" | "!==" as name:
                return strictly_equal(*_first(values, 2)) == (name == "===")
            case "<" | "<=" as name:
                pairs = itertools.pairwise(_first(values, max(2, min(len(values), 3))))
                return all(in_order(name, left, right) for left, right in pairs)
            case ">" | ">=" as name:
                return in_order(name, *_first(values, 2))
            case "!" | "!!" as name:
                return is_true(*_first(values, 1)) == (name == "!!")
            case "in":
                return self._contains(node, *_first(values, 2))
            case "cat":
                return self._joined(node, values)
            case "substr":
                return substring(*_first(values, 3))
            case "merge":
                return self._merged(node, values)
            case "today":
                return _day(self._today, values)
            case "-" | "/" | "%" as name:
                operands = values[:2] if name == "-" else _first(values, 2)
                return calculate(name, [to_number(value) for value in operands])
            case name:
                return calculate(name, [to_number(value) for value in values])

    def _contains(self, node: Node, value: Any, whole: Any) -> bool:
        if isinstance(whole, str):
            self._spend(len(whole) // 1000, node)
            part = as_text(value) if isinstance(value, int | float | list) else value
            # In JavaScript nothing is in an empty text, not even another one.
            return isinstance(part, str) and bool(whole) and part in whole
        if not isinstance(whole, list):
            return False
        self._spend(len(whole) // 10, node)
        return any(strictly_equal(value, plain(member)) for member in whole)

    def _joined(self, node: Node, values: Iterable[Any]) -> str:
        text = "".join(as_text(value) for value in values)
        self._spend(len(text) // 1000, node)
        if len(text) > LONGEST_TEXT:
            sentence = f"A joined text is longer than {LONGEST_TEXT:,} characters."
            raise self._faults.stop("too_much_work", node.path, sentence)
        return text

    def _merged(self, node: Node, values: Iterable[Any]) -> list[Any]:
        merged: list[Any] = []
        for value in values:
            merged.extend(value if isinstance(value, list) else [value])
            self._spend(len(merged) // 10, node)
        return merged


def calculate(name: str, numbers: list[int | float | None]) -> int | float | None:
    """Arithmetic and extremes; blank when an operand is blank, on division by zero and beyond what a double holds."""
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers):
        return None
    if not known:
        return 0
    first, rest = known[0], known[1:]
    result: int | float
    try:
        match name:
            case "+":
                result = sum(rest, first)
            case "*":
                result = math.prod(float(number) if abs(number) > LARGEST_INTEGER else number for number in known)
            case "-":
                result = first - rest[0] if rest else -first
            case "/":
                result = first / rest[0]
            case "%":
                result = math.fmod(first, rest[0])
            case "min":
                result = min(known)
            case _:
                result = max(known)
        return _sized(result)
    except (OverflowError, ZeroDivisionError, ValueError):
        return None


def _sized(result: int | float) -> int | float | None:
    if isinstance(result, int) and abs(result) > LARGEST_INTEGER:
        result = float(result)
    if not math.isfinite(result):
        return None
    return int(result) if isinstance(result, float) and result.is_integer() and abs(result) < 2**53 else result


def _is_absent(value: Any) -> bool:
    """As `missing` sees it: null or an empty text."""
    return value is None or (isinstance(value, str) and not value)


def _first(values: list[Any], number: int) -> list[Any]:
    """So many values: further ones are ignored, missing ones are blank."""
    return [*values[:number], *[None] * (number - len(values))]


def _day(today: date, values: list[Any]) -> str | None:
    days = to_number(values[0]) if values else 0
    if days is None or abs(days) > _MAX_DAYS:
        return None
    try:
        return (today + timedelta(days=int(days))).isoformat()
    except OverflowError:
        return None
