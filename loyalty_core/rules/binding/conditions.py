"""From parsed operations to the typed tree: names become columns, constants take the kind of what they meet."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Literal, cast

from loyalty_core.rules.binding.constants import Unreadable, as_member, compare_day, read_day
from loyalty_core.rules.binding.values import KIND_WORDS, ValueBinder
from loyalty_core.rules.errors import shown
from loyalty_core.rules.json_logic import to_number
from loyalty_core.rules.operators import CONDITIONS
from loyalty_core.rules.parse import Broken, Call, Items, Node
from loyalty_core.rules.tree import (
    Agreement,
    AllOf,
    Always,
    AnyOf,
    Blank,
    Branch,
    Choice,
    Comparison,
    Condition,
    Constant,
    FewerFilled,
    Field,
    Membership,
    Negation,
    Part,
    Period,
    TextMatch,
    Truth,
    Value,
    parts_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_FLIPPED = {"==": "==", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_MOST_DAYS_IN_LIST = 1_000
# What SQLite's parser can hold, which is the least of all databases: a hundred symbols that are not closed yet.
_MOST_DEPTH = 96
_DEPTHS: dict[type, int] = {AllOf: 2, AnyOf: 2, Branch: 10, Agreement: 7, Choice: 5}
_YES_OR_NO = CONDITIONS | {"missing", "missing_some"}


class Binder(ValueBinder):
    """Reads the parts of a rule that are true or false; an `Always` takes the place of a part with a fault."""

    def rule(self, node: Node) -> Condition:
        """A whole rule."""
        condition = self.condition(node)
        if _depth(condition) > _MOST_DEPTH:
            remedy = "Write the conditions side by side, joined with “and” or “or”."
            self._faults.add("too_deep", node.path, "The rule has if within if too many times.", remedy)
        return condition

    def condition(self, node: Node) -> Condition:
        """The node as something true or false."""
        self.count(node)
        if isinstance(node, Broken):
            return Always(False, node.path)
        if node.constant:
            return self._constant_condition(node)
        if not isinstance(node, Call):
            return self._never("wrong_type", node.path, "A list is no condition.", "Use “and”, “or” or “in”.")
        return self._call_condition(node)

    def _constant_condition(self, node: Node) -> Condition:
        """True or false as written; any other constant is no condition, though JSONLogic would take most for true."""
        value = self.constant(node)
        if value is None or isinstance(value, bool):
            return Always(bool(value), node.path)
        remedy = "Write true or false, or compare a column with it."
        return self._never("not_a_condition", node.path, f"{shown(value).capitalize()} is no condition.", remedy)

    def _call_condition(self, node: Call) -> Condition:  # noqa: PLR0912 - a case per operator
        arguments, path = node.arguments, node.path
        match node.operator:
            case "and":
                return _flat(AllOf, [self.condition(argument) for argument in arguments], path)
            case "or":
                return _flat(AnyOf, [self.condition(argument) for argument in arguments], path)
            case "!":
                return Negation(self.condition(arguments[0]), path)
            case "!!":
                return self.condition(arguments[0])
            case "if" | "?:":
                return self._branch(node)
            case "==" | "===":
                return self._compare("==", arguments[0], arguments[1], path)
            case "!=" | "!==":
                return Negation(self._compare("==", arguments[0], arguments[1], path), path)
            case "<" | "<=" | ">" | ">=" as operator:
                return self._ordering(operator, arguments, path)
            case "in":
                return self._membership(arguments[0], arguments[1], path)
            case "missing" | "missing_some":
                return self._missing(node)
            case "some" | "all" | "none" as quantifier:
                return self._quantified(quantifier, node)
            case "map" | "filter" | "reduce" | "merge" as operator:
                remedy = "Join conditions on columns with “and” or “or”."
                return self._never(
                    "not_for_columns", path, f"{operator} works on lists, and columns hold none.", remedy
                )
            case _:
                return self._truth(node)

    def _truth(self, node: Call) -> Condition:
        value = self.value(node)
        if value is None:
            return Always(False, node.path)
        if value.kind in {"date", "datetime", "other"}:
            return Negation(Blank(value, node.path), node.path)
        return Truth(value, node.path)

    def _branch(self, node: Call) -> Condition:
        *pairs, last = node.arguments if len(node.arguments) % 2 else (*node.arguments, None)
        cases = tuple(
            (self.condition(condition), self.condition(outcome))
            for condition, outcome in zip(pairs[::2], pairs[1::2], strict=True)
            if condition is not None and outcome is not None
        )
        otherwise = self.condition(last) if last is not None else Always(False, node.path)
        if isinstance(otherwise, Branch):
            cases, otherwise = cases + otherwise.cases, otherwise.otherwise
        return Branch(cases, otherwise, node.path) if cases else otherwise

    def _ordering(self, operator: str, arguments: Sequence[Node], path: str) -> Condition:
        pairs = itertools.pairwise(arguments)
        found = [self._compare(operator, left, right, path) for left, right in pairs]
        if len(found) == 1:
            return found[0]
        lower, upper = found
        if isinstance(lower, Period) and isinstance(upper, Period) and lower.value == upper.value:
            wording = _between(arguments[0], arguments[2], lower, upper)
            return Period(lower.value, lower.start, upper.end, path, wording)
        return _flat(AllOf, found, path)

    def _compare(self, operator: str, left: Node, right: Node, path: str) -> Condition:
        if isinstance(left, Broken) or isinstance(right, Broken):
            for side in (left, right):
                self._check(side)
            return Always(False, path)
        if left.constant and right.constant:
            return self.condition(Call(operator, (left, right), path, True))
        if left.constant:
            left, right, operator = right, left, _FLIPPED[operator]
        if right.constant:
            return self._compare_constant(operator, left, right, path)
        if _is_condition(left) or _is_condition(right):
            return self._agreement(operator, left, right, path)
        values = self.value(left), self.value(right)
        if values[0] is None or values[1] is None:
            return Always(False, path)
        return self._compare_values(operator, values[0], values[1], path)

    def _check(self, node: Node) -> None:
        """Note the faults within a node whose other side is broken already."""
        if isinstance(node, Call) and not node.constant:
            if _is_condition(node):
                self.condition(node)
            else:
                self.value(node)

    def _compare_values(self, operator: str, left: Value, right: Value, path: str) -> Condition:
        if left.kind != right.kind:
            sentence = f"{KIND_WORDS[left.kind].capitalize()} are compared with {KIND_WORDS[right.kind]}."
            return self._never("wrong_type", path, sentence, "Compare values of one kind.")
        if left.kind == "other" or (left.kind == "boolean" and operator != "=="):
            return self._never("wrong_type", path, f"{operator} does not compare {KIND_WORDS[left.kind]}.")
        return Comparison(cast("Any", operator), left, right, path)

    def _compare_constant(self, operator: str, node: Node, constant: Node, path: str) -> Condition:
        given = self.constant(constant)
        if _is_condition(node):
            return self._compare_condition(operator, node, given, path)
        value = self.value(node)
        if value is None:
            return Always(False, path)
        if given is None:
            return Blank(value, path) if operator == "==" else Always(False, path)
        if value.kind in {"date", "datetime"}:
            return self._compare_date(operator, value, given, constant, path)
        if value.kind == "other":
            remedy = "Ask only whether it is blank."
            return self._never("wrong_type", path, f"{_name(value)} holds values that cannot be compared.", remedy)
        read = self.read(given, value.kind, constant.path)
        if read is None:
            return Always(False, path)
        if value.kind == "boolean":
            return self._compare_boolean(operator, value, read, path)
        return _as_text_match(operator, value, read.value, path) or Comparison(cast("Any", operator), value, read, path)

    def _compare_boolean(self, operator: str, value: Value, read: Constant, path: str) -> Condition:
        if operator != "==":
            return self._never("wrong_type", path, f"{operator} does not compare true and false.", "Use == or !=.")
        return Truth(value, path) if read.value else Comparison("==", value, read, path)

    def _compare_date(self, operator: str, value: Value, given: Any, constant: Node, path: str) -> Condition:
        if not isinstance(value, Field):
            return self._never("wrong_type", path, "Only a column can be compared with a date.")
        try:
            day = read_day(given, self._zone)
        except Unreadable as error:
            sentence = f"{shown(given)} is no date, and {value.label} holds dates."
            return self._never("wrong_type", constant.path, sentence, str(error))
        return compare_day(value, operator, day, self._zone, path, _days_in_words(constant))

    def _compare_condition(self, operator: str, node: Node, given: Any, path: str) -> Condition:
        condition = self.condition(node)
        if operator == "==" and (given is None or isinstance(given, bool)):
            return Always(False, path) if given is None else condition if given else Negation(condition, path)
        sentence = f"A condition is true or false; it cannot be compared with {shown(given)}."
        return self._never("wrong_type", path, sentence, "Use the condition itself, or its opposite.")

    def _agreement(self, operator: str, left: Node, right: Node, path: str) -> Condition:
        if operator != "==":
            return self._never("wrong_type", path, f"{operator} does not compare conditions.", "Use == or !=.")
        if _is_condition(left) and _is_condition(right):
            return Agreement(self.condition(left), self.condition(right), path)
        node, other = (left, right) if _is_condition(left) else (right, left)
        value = self.value(other, "boolean")
        if not isinstance(value, Field):
            if value is not None:
                self._never("wrong_type", path, "A condition can be compared with a column or another condition.")
            return Always(False, path)
        filled = Negation(Blank(value, path), path)
        return AllOf((filled, Agreement(self.condition(node), Truth(value, path), path)), path)

    def _membership(self, needle: Node, whole: Node, path: str) -> Condition:
        if isinstance(whole, Broken) or isinstance(needle, Broken):
            self._check(whole)
            self._check(needle)
            return Always(False, path)
        if whole.constant:
            given = self.constant(whole)
            if isinstance(given, list):
                return self._among(needle, given, whole.path, path)
            part = self.value(needle, "text")
            text = self.read(given, "text", whole.path)
            return TextMatch("contains", text, part, path) if text and part else Always(False, path)
        if isinstance(whole, Items):
            return self._among_values(needle, whole, path)
        text = self.value(whole)
        if text is not None and text.kind != "text":
            remedy = "Write the column first and the list after it."
            return self._never("wrong_type", path, f"{_name(text)} holds {KIND_WORDS[text.kind]}, not texts.", remedy)
        if needle.constant and self.constant(needle) is None:
            return Always(False, path)
        part = self.value(needle, "text")
        return TextMatch("contains", text, part, path) if text and part else Always(False, path)

    def _among(self, needle: Node, given: list[Any], members_path: str, path: str) -> Condition:
        value = self.value(needle)
        if value is None:
            return Always(False, path)
        listed = [member for member in given if member is not None]
        blank = len(listed) < len(given)
        if value.kind in {"date", "datetime"}:
            return self._among_days(value, listed, blank, members_path, path)
        read = {as_member(member, value.kind): None for member in listed} if value.kind != "other" else {}
        members = tuple(member for member in read if member is not None)
        if listed and not members:
            sentence = f"No member of the list can match {_name(value)}, which holds {KIND_WORDS[value.kind]}."
            return self._never("wrong_type", members_path, sentence)
        return Membership(value, members, blank, path)

    def _among_days(self, value: Value, listed: list[Any], blank: bool, members_path: str, path: str) -> Condition:
        if len(listed) > _MOST_DAYS_IN_LIST:
            sentence = f"A list of dates has more than {_MOST_DAYS_IN_LIST:,} members."
            return self._never("too_long", members_path, sentence, "Use a period.")
        node = Call("in", (), members_path, True)
        days = [self._compare_date("==", value, member, node, path) for member in listed]
        return AnyOf((*days, *([Blank(value, path)] if blank else [])), path)

    def _among_values(self, needle: Node, whole: Items, path: str) -> Condition:
        any_of = AnyOf(tuple(self._compare("==", needle, member, path) for member in whole.members), path)
        blank = any(member.constant and self.constant(member) is None for member in whole.members)
        if blank or needle.constant:
            return any_of
        value = self.value(needle)
        return AllOf((Negation(Blank(value, path), path), any_of), path) if value else any_of

    def _missing(self, node: Call) -> Condition:
        arguments = node.arguments
        needed: Any = 0
        if node.operator == "missing_some":
            needed = to_number(self.constant(arguments[0])) if arguments[0].constant else None
            arguments = arguments[1:]
        if needed is None or not all(argument.constant for argument in arguments):
            return self._never("wrong_type", node.path, f"{node.operator} takes names of columns.")
        names = [self.constant(argument) for argument in arguments]
        names = names[0] if names and isinstance(names[0], list) else names
        columns = [self.field(name, node.path) for name in names]
        found = tuple(column for column in columns if column is not None)
        if len(found) < len(columns) or not found:
            return Always(False, node.path)
        if node.operator == "missing":
            return AnyOf(tuple(Blank(column, node.path) for column in found), node.path)
        if len(found) <= needed:  # with fewer names than are needed, any blank tells
            return AnyOf(tuple(Blank(column, node.path) for column in found), node.path)
        return FewerFilled(int(-(-needed // 1)), found, node.path)

    def _quantified(self, quantifier: Literal["some", "all", "none"], node: Call) -> Condition:
        members, body = node.arguments
        if not isinstance(members, Items):
            if isinstance(members, Broken):
                return Always(False, node.path)
            sentence = f"{quantifier} works on a list, and columns hold none."
            return self._never("not_for_columns", node.path, sentence, "Write the columns as a list.")
        outer, found = self._element, []
        for member in members.members:
            element = self.value(member)
            if element is not None:
                self._element = element
                found.append(self.condition(body))
                self._element = outer
        if quantifier == "all":
            return AllOf(tuple(found), node.path)
        any_of = AnyOf(tuple(found), node.path)
        return any_of if quantifier == "some" else Negation(any_of, node.path)

    def _never(self, code: str, path: str, sentence: str, remedy: str = "") -> Condition:
        self._faults.add(code, path, sentence, remedy)
        return Always(False, path)


def _depth(part: Condition | Value | None) -> int:
    return 0 if part is None else _DEPTHS.get(type(part), 0) + max(map(_depth, parts_of(part)), default=0)


def _flat(kind: type[AllOf | AnyOf], conditions: Sequence[Condition], path: str) -> Condition:
    """One level for a chain of one operator, however it was nested."""
    flat: list[Condition] = []
    for condition in conditions:
        flat.extend(condition.conditions if isinstance(condition, kind) else (condition,))
    return flat[0] if len(flat) == 1 else kind(tuple(flat), path)


def _is_condition(node: Node) -> bool:
    return isinstance(node, Call) and node.operator in _YES_OR_NO


def _name(value: Value) -> str:
    return value.label if isinstance(value, Field) else "The value"


def _as_text_match(operator: str, value: Value, text: Any, path: str) -> Condition | None:
    """`substr(x, 0, 3) == "abc"` asks what x starts with, `substr(x, -3) == "abc"` what it ends with."""
    if operator != "==" or not isinstance(value, Part) or not text:
        return None
    if (value.start, value.length) == (0, len(text)):
        return TextMatch("starts", value.text, Constant(text, "text"), path)
    if (value.start, value.length) == (-len(text), None):
        return TextMatch("ends", value.text, Constant(text, "text"), path)
    return None


def _between(first: Node, last: Node, lower: Period, upper: Period) -> str:
    """How a period between two days reads; relative days are named with the dates that they mean."""
    days = _days_from_today(first), _days_from_today(last)
    start, end = (period.wording.rpartition(" ")[2].strip("()") for period in (lower, upper))
    if days in {(0, 0), (1, 1)}:
        return f"is in the {'next' if days[0] else 'last'} day ({end})"
    if days[1] == 0 and days[0] is not None and days[0] < 0:
        return f"is in the last {1 - days[0]} days ({start} to {end})"
    if days[0] == 1 and days[1] is not None and days[1] > 1:
        return f"is in the next {days[1]} days ({start} to {end})"
    first_words, last_words = lower.wording.removeprefix("is "), upper.wording.removeprefix("is ")
    if first_words.startswith("on or after ") and last_words.startswith("on or before "):
        return f"is from {first_words.removeprefix('on or after ')} to {last_words.removeprefix('on or before ')}"
    return f"is both {first_words} and {last_words}"


def _days_in_words(node: Node) -> str:
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
