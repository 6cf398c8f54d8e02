"""Binding of comparisons: a constant takes the kind of what it is compared with, a day becomes a period."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from loyalty_core.rules.binding.constants import Unreadable, compare_day, read_day
from loyalty_core.rules.binding.values import KIND_WORDS, ValueBinder
from loyalty_core.rules.binding.wording import between, days_in_words
from loyalty_core.rules.errors import capitalized, shown
from loyalty_core.rules.json_values import to_number
from loyalty_core.rules.operators import CONDITIONS
from loyalty_core.rules.parse import Broken, Call, Node
from loyalty_core.rules.tree import (
    FLIPPED,
    Agreement,
    AllOf,
    Always,
    AnyOf,
    Blank,
    Comparison,
    ComparisonOperator,
    Condition,
    Constant,
    Field,
    Negation,
    Part,
    Period,
    TextMatch,
    Truth,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_YES_OR_NO = CONDITIONS | {"missing", "missing_some"}


class ComparisonBinder(ValueBinder):
    """Reads the comparisons of a rule; `Always(False)` takes the place of one with a fault."""

    def ordering(self, operator: ComparisonOperator, arguments: Sequence[Node], path: str) -> Condition:
        """`<`, `<=`, `>` or `>=`, of three arguments as well: a value between two others."""
        pairs = itertools.pairwise(arguments)
        found = [self.compare(operator, left, right, path) for left, right in pairs]
        if len(found) == 1:
            return found[0]
        lower, upper = found
        if isinstance(lower, Period) and isinstance(upper, Period) and lower.value == upper.value:
            days = self._days_from_today(arguments[0]), self._days_from_today(arguments[2])
            wording = between(lower, upper, days)
            return Period(lower.value, lower.start, upper.end, path, wording)
        return flat(AllOf, found, path)

    def compare(self, operator: ComparisonOperator, left: Node, right: Node, path: str) -> Condition:
        """Two nodes compared, of which at least one depends on the customer."""
        if isinstance(left, Broken) or isinstance(right, Broken):
            for side in (left, right):
                self.note_faults(side)
            return Always(False, path)
        if left.constant and right.constant:
            return self.condition(Call(operator, (left, right), path, True))
        if left.constant:
            left, right, operator = right, left, FLIPPED[operator]
        if right.constant:
            return self._compare_constant(operator, left, right, path)
        if is_condition(left) or is_condition(right):
            return self._agreement(operator, left, right, path)
        values = self.value(left), self.value(right)
        if values[0] is None or values[1] is None:
            return Always(False, path)
        return self._compare_values(operator, values[0], values[1], path)

    def note_faults(self, node: Node) -> None:
        """Record the faults within a node whose other side could not be read."""
        if isinstance(node, Call) and not node.constant:
            if is_condition(node):
                self.condition(node)
            else:
                self.value(node)

    def _compare_values(self, operator: ComparisonOperator, left: Value, right: Value, path: str) -> Condition:
        if left.kind != right.kind:
            sentence = f"{capitalized(KIND_WORDS[left.kind])} cannot be compared with {KIND_WORDS[right.kind]}."
            return self.refuse("wrong_type", path, sentence, "Compare values of one kind.")
        if left.kind == "other" or (left.kind == "boolean" and operator != "=="):
            return self.refuse("wrong_type", path, f"{operator} cannot compare {KIND_WORDS[left.kind]}.")
        return Comparison(operator, left, right, path)

    def _compare_constant(self, operator: ComparisonOperator, node: Node, constant: Node, path: str) -> Condition:
        given = self.constant(constant)
        if is_condition(node):
            return self._compare_condition(operator, node, given, path)
        value = self.value(node)
        if value is None:
            return Always(False, path)
        if given is None:
            return Blank(value, path) if operator == "==" else Always(False, path)
        if value.kind in {"date", "datetime"}:
            return self.compare_date(operator, value, given, constant, path)
        if value.kind == "other":
            remedy = "Ask only whether it is blank."
            return self.refuse("wrong_type", path, f"{name_of(value)} holds values that cannot be compared.", remedy)
        read = self.read(given, value.kind, constant.path)
        if read is None:
            return Always(False, path)
        if value.kind == "boolean":
            return self._compare_boolean(operator, value, read, path)
        return _as_text_match(operator, value, read.value, path) or Comparison(operator, value, read, path)

    def _compare_boolean(self, operator: ComparisonOperator, value: Value, read: Constant, path: str) -> Condition:
        if operator != "==":
            return self.refuse("wrong_type", path, f"{operator} cannot compare true and false.", "Use == or !=.")
        return Truth(value, path) if read.value else Comparison("==", value, read, path)

    def compare_date(
        self, operator: ComparisonOperator, value: Value, given: Any, constant: Node, path: str
    ) -> Condition:
        """A column of dates or times against a constant, which the rule has as the node `constant`."""
        if not isinstance(value, Field):
            return self.refuse("wrong_type", path, "Only a column can be compared with a date.")
        try:
            day = read_day(given, self._zone)
        except Unreadable as error:
            sentence = f"{shown(given)} is not a date, and {value.label} holds dates."
            return self.refuse("wrong_type", constant.path, sentence, str(error))
        return compare_day(value, operator, day, self._zone, path, days_in_words(self._days_from_today(constant)))

    def _days_from_today(self, node: Node) -> int | None:
        if not isinstance(node, Call) or node.operator != "today":
            return None
        days = to_number(self.constant(node.arguments[0])) if node.arguments else 0
        return None if days is None else int(days)

    def _compare_condition(self, operator: ComparisonOperator, node: Node, given: Any, path: str) -> Condition:
        condition = self.condition(node)
        if operator == "==" and (given is None or isinstance(given, bool)):
            return Always(False, path) if given is None else condition if given else Negation(condition, path)
        sentence = f"A condition is true or false; it cannot be compared with {shown(given)}."
        return self.refuse("wrong_type", path, sentence, "Use the condition itself, or its opposite.")

    def _agreement(self, operator: ComparisonOperator, left: Node, right: Node, path: str) -> Condition:
        if operator != "==":
            return self.refuse("wrong_type", path, f"{operator} cannot compare conditions.", "Use == or !=.")
        if is_condition(left) and is_condition(right):
            return Agreement(self.condition(left), self.condition(right), path)
        node, other = (left, right) if is_condition(left) else (right, left)
        value = self.value(other, "boolean")
        if not isinstance(value, Field):
            if value is not None:
                self.refuse("wrong_type", path, "A condition can only be compared with a column or another condition.")
            return Always(False, path)
        filled = Negation(Blank(value, path), path)
        return AllOf((filled, Agreement(self.condition(node), Truth(value, path), path)), path)

    def refuse(self, code: str, path: str, sentence: str, remedy: str = "") -> Condition:
        """Record a fault; the result takes the place of the part that has it."""
        self._faults.add(code, path, sentence, remedy)
        return Always(False, path)


def flat(kind: type[AllOf | AnyOf], conditions: Sequence[Condition], path: str) -> Condition:
    """One level for a chain of one operator, however it was nested."""
    level: list[Condition] = []
    for condition in conditions:
        level.extend(condition.conditions if isinstance(condition, kind) else (condition,))
    return level[0] if len(level) == 1 else kind(tuple(level), path)


def is_condition(node: Node) -> bool:
    """Whether the node's value is true or false whatever the customer's data."""
    return isinstance(node, Call) and node.operator in _YES_OR_NO


def name_of(value: Value) -> str:
    """How a message names a value."""
    return value.label if isinstance(value, Field) else "The value"


def _as_text_match(operator: ComparisonOperator, value: Value, text: Any, path: str) -> Condition | None:
    """`substr(x, 0, 3) == "abc"` asks what x starts with, `substr(x, -3) == "abc"` what it ends with."""
    if operator != "==" or not isinstance(value, Part) or not text:
        return None
    if (value.start, value.length) == (0, len(text)):
        return TextMatch("starts", value.text, Constant(text, "text"), path)
    if (value.start, value.length) == (-len(text), None):
        return TextMatch("ends", value.text, Constant(text, "text"), path)
    return None
