"""Binding of conditions: logic, blanks, and whatever else is true or false."""

from __future__ import annotations

from typing import Any, Literal

from loyalty_core.rules.binding.comparisons import flat
from loyalty_core.rules.binding.memberships import MembershipBinder
from loyalty_core.rules.choices import by_case
from loyalty_core.rules.errors import capitalized, shown
from loyalty_core.rules.json_values import to_number
from loyalty_core.rules.parse import Broken, Call, Items, Node
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
    FewerFilled,
    Negation,
    Truth,
    Value,
    parts_of,
)

# What SQLite can parse, which is less than any other database: a hundred symbols that are not closed yet.
_MAX_DEPTH = 96
_DEPTHS: dict[type, int] = {AllOf: 2, AnyOf: 2, Branch: 10, Agreement: 7, Choice: 5}
_DEPTH_OF_REMAINDER = 22
# What joins conditions, so that each of its arguments has to be one.
_LOGIC = frozenset({"and", "or", "!", "!!", "if", "?:"})


class Binder(MembershipBinder):
    """Reads the parts of a rule that are true or false; an `Always` takes the place of a part with a fault."""

    def rule(self, node: Node) -> Condition:
        """A whole rule."""
        condition = self.condition(node)
        if _depth(condition) > _MAX_DEPTH:
            remedy = "Write the conditions side by side, joined with “and” or “or”."
            self._faults.add("too_deep", node.path, "The rule is nested too deeply for a database to read.", remedy)
        return condition

    def condition(self, node: Node) -> Condition:
        """The node as something true or false."""
        self.count(node)
        if isinstance(node, Broken):
            return Always(False, node.path)
        if node.constant:
            return self._constant_condition(node)
        if not isinstance(node, Call):
            return self.refuse("wrong_type", node.path, "A list is not a condition.", "Use “and”, “or” or “in”.")
        return self._call_condition(node)

    def _constant_condition(self, node: Node) -> Condition:
        """True or false as written; any other constant is refused, though JSONLogic would take most for true.

        The same holds within “not”, “and”, “or” and “if”.
        """
        if isinstance(node, Call) and node.operator in _LOGIC:
            faults = len(self._faults.found)
            for argument in node.arguments:
                self.condition(argument)
            if len(self._faults.found) > faults:
                return Always(False, node.path)
        value = self.constant(node)
        if value is None or isinstance(value, bool):
            return Always(bool(value), node.path)
        remedy = "Write true or false, or compare a column with it."
        return self.refuse("not_a_condition", node.path, f"{capitalized(shown(value))} is not a condition.", remedy)

    def _call_condition(self, node: Call) -> Condition:  # noqa: PLR0912 - a case per operator
        arguments, path = node.arguments, node.path
        match node.operator:
            case "and":
                return flat(AllOf, [self.condition(argument) for argument in arguments], path)
            case "or":
                return flat(AnyOf, [self.condition(argument) for argument in arguments], path)
            case "!":
                return Negation(self.condition(arguments[0]), path)
            case "!!":
                return self.condition(arguments[0])
            case "if" | "?:":
                return self._branch(node)
            case "==" | "===":
                return self.compare("==", arguments[0], arguments[1], path)
            case "!=" | "!==":
                return Negation(self.compare("==", arguments[0], arguments[1], path), path)
            case "<" | "<=" | ">" | ">=" as operator:
                return self.ordering(operator, arguments, path)
            case "in":
                return self.membership(arguments[0], arguments[1], path)
            case "missing" | "missing_some":
                return self._missing(node)
            case "some" | "all" | "none" as quantifier:
                return self._quantified(quantifier, node)
            case "map" | "filter" | "reduce" | "merge" as operator:
                remedy = "Join conditions on columns with “and” or “or”."
                return self.refuse(
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

    def _missing(self, node: Call) -> Condition:
        arguments = node.arguments
        needed: Any = 0
        if node.operator == "missing_some":
            needed = to_number(self.constant(arguments[0])) if arguments[0].constant else None
            arguments = arguments[1:]
        if needed is None or not all(argument.constant for argument in arguments):
            return self.refuse("wrong_type", node.path, f"{node.operator} takes names of columns.")
        names = [self.constant(argument) for argument in arguments]
        names = names[0] if names and isinstance(names[0], list) else names
        columns = [self.field(name, node.path) for name in names]
        found = tuple(column for column in columns if column is not None)
        if len(found) < len(columns) or not found:
            return Always(False, node.path)
        if node.operator == "missing":
            return AnyOf(tuple(Blank(column, node.path) for column in found), node.path)
        if len(found) <= needed:  # with so few names, one blank is enough
            return AnyOf(tuple(Blank(column, node.path) for column in found), node.path)
        return FewerFilled(int(-(-needed // 1)), found, node.path)

    def _quantified(self, quantifier: Literal["some", "all", "none"], node: Call) -> Condition:
        members, body = node.arguments
        if not isinstance(members, Items):
            if isinstance(members, Broken):
                return Always(False, node.path)
            sentence = f"{quantifier} works on a list, and columns hold none."
            return self.refuse("not_for_columns", node.path, sentence, "Write the columns as a list.")
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


def _depth(part: Condition | Value | None) -> int:
    if isinstance(part, Comparison):
        part = by_case(part) or part
    if part is None:
        return 0
    own = _DEPTH_OF_REMAINDER if isinstance(part, Calculation) and part.operator == "%" else _DEPTHS.get(type(part), 0)
    return own + max(map(_depth, parts_of(part)), default=0)
