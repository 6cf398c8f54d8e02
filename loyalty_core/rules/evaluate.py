"""A bound rule as a Python function, generated as source in which the rule's values appear only as numbered names.

Each leaf takes a fast path when the value has the class that warehouses return, and converts the value otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from loyalty_core.rules import row_values
from loyalty_core.rules.choices import by_case
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
    Kind,
    Membership,
    Negation,
    Part,
    Period,
    TextMatch,
    Truth,
    Value,
    as_number,
)

Features = Mapping[str, Any]
Matcher = Callable[[Features], bool]

_CLASSES: dict[Kind, frozenset[type]] = {
    "number": frozenset({int, float}),
    "text": frozenset({str}),
    "boolean": frozenset({bool}),
    "date": frozenset({date}),
}
_FUNCTIONS: dict[str, Any] = {
    "same": row_values.same,
    "less": row_values.less,
    "less_or_same": row_values.less_or_same,
    "calculate": row_values.calculate_double,
    "join": row_values.join,
    "part": row_values.part,
    "decimal": Decimal,
    "matches_text": row_values.matches_text,
    "stored": row_values.read_stored,
    "double": row_values.read_double,
    "operand": row_values.read_operand,
}


def compile_condition(condition: Condition) -> Matcher:
    """A function from features to the condition's answer."""
    source = _Source()
    text = f"def matches(features):\n    get = features.get\n    return {source.condition(condition)}\n"
    exec(compile(text, "<rule>", "exec"), source.names)  # noqa: S102 - the source holds nothing that comes from the rule
    return source.names["matches"]


def compile_conditions(conditions: Iterable[Condition]) -> Callable[[Features], tuple[bool, ...]]:
    """A function from features to the answers of all conditions, which reads each of the features once."""
    source = _Source(reads_once=True)
    answers = "".join(f"{source.condition(condition)}, " for condition in conditions) or "()"
    reads = "".join(f"    {local} = get({name})\n" for local, name in source.reads.values())
    text = f"def answers(features):\n    get = features.get\n{reads}    return {answers}\n"
    exec(compile(text, "<rules>", "exec"), source.names)  # noqa: S102 - the source holds nothing that comes from rules
    return source.names["answers"]


class _Source:
    """Writes expressions; whatever comes from the rule is a global variable named by a number.

    With `reads_once`, features are local variables, which `reads` has by the name of the feature.
    """

    def __init__(self, *, reads_once: bool = False) -> None:
        self.reads: dict[str, tuple[str, str]] = {}
        self._reads_once = reads_once
        self.names: dict[str, Any] = {"__builtins__": {}, **_FUNCTIONS}
        self.names |= {f"classes_{kind}": classes for kind, classes in _CLASSES.items()}
        self.names |= {f"read_{kind}": reader for kind, reader in row_values.READERS.items()}

    def condition(self, condition: Condition) -> str:
        match condition:
            case Always():
                return str(condition.holds)
            case AllOf() | AnyOf():
                word, empty = (" and ", "True") if isinstance(condition, AllOf) else (" or ", "False")
                return f"({word.join(map(self.condition, condition.conditions)) or empty})"
            case Negation():
                return f"(not {self.condition(condition.condition)})"
            case Branch():
                cases = [f"{self.condition(then)} if {self.condition(when)} else " for when, then in condition.cases]
                return f"({''.join(cases)}{self.condition(condition.otherwise)})"
            case Agreement():
                return f"({self.condition(condition.left)} is {self.condition(condition.right)})"
            case Comparison():
                return self._comparison(condition)
            case Membership():
                return self._membership(condition)
            case Period():
                return self._period(condition)
            case TextMatch():
                return self._text_match(condition)
            case Blank():
                return self._blank(condition.value)
            case Truth():
                return self._truth(condition.value)
            case FewerFilled():
                filled = " + ".join(f"(not {self._blank(column)})" for column in condition.columns)
                return f"({filled} < {self._name(condition.needed)})"

    def value(self, value: Value | None, reader: str = "") -> str:
        """An expression for the value, None for a blank; `reader` says how numbers are read."""
        match value:
            case None:
                return "None"
            case Field():
                return f"{reader if value.kind == 'number' else 'read_' + value.kind}({self._get(value)})"
            case Constant():
                return self._name(value.value if value.kind != "number" else float(value.number))
            case Calculation():
                operands = ", ".join(self.value(operand, "operand") for operand in value.operands)
                return f"calculate({self._name(value.operator)}, {operands})"
            case Joined():
                return f"join({', '.join(map(self.value, value.parts))})"
            case Part():
                text = self.value(value.text)
                return f"part({text}, {self._name(value.start)}, {self._name(value.length)})"
            case Choice():
                cases = [f"{self.value(then, reader)} if {self.condition(when)} else " for when, then in value.cases]
                return f"({''.join(cases)}{self.value(value.otherwise, reader)})"

    def _comparison(self, leaf: Comparison) -> str:
        if isinstance(leaf.left, Field) and isinstance(leaf.right, Constant):
            return self._against_constant(leaf, leaf.left, leaf.right.value)
        branch = by_case(leaf)
        if branch is not None:
            return self.condition(branch)
        # Two columns of whole numbers are compared exactly; what is calculated is a double.
        reader = "stored" if isinstance(leaf.left, Field) and isinstance(leaf.right, Field) else "double"
        left, right = self.value(leaf.left, reader), self.value(leaf.right, reader)
        if leaf.operator in {">", ">="}:
            left, right = right, left
        name = {"==": "same", "<": "less", ">": "less"}.get(leaf.operator, "less_or_same")
        return f"{name}({left}, {right})"

    def _against_constant(self, leaf: Comparison, field: Field, constant: Any) -> str:
        expected = self._name(constant)
        fast, careful = f"v {leaf.operator} {expected}", f"v is not None and v {leaf.operator} {expected}"
        if isinstance(constant, float):
            # 0.1 as a decimal column holds it is not quite the double 0.1.
            exact = self._name(Decimal(repr(constant)))
            careful = f"v is not None and v {leaf.operator} ({exact} if v.__class__ is decimal else {expected})"
        return self._by_class(field, fast, careful)

    def _membership(self, leaf: Membership) -> str:
        members = set(leaf.members) | {Decimal(repr(member)) for member in leaf.members if isinstance(member, float)}
        if leaf.value.kind == "number" and not isinstance(leaf.value, Field):
            members = {float(as_number(member)) for member in leaf.members}  # as SQL compares what is calculated
        name = self._name(frozenset(members))
        fast, careful = f"v in {name}", f"v in {name}"
        if leaf.blank:
            fast, careful = f"({fast} or v != v)", f"(v is None or {careful})"
        if isinstance(leaf.value, Field):
            return self._by_class(leaf.value, fast, careful)
        return f"({careful} if [v := {self.value(leaf.value, 'double')}] else False)"

    def _period(self, leaf: Period) -> str:
        parts = [f"{self._name(leaf.start)} <= v"] if leaf.start is not None else []
        parts += [f"v < {self._name(leaf.end)}"] if leaf.end is not None else []
        inside = " and ".join(parts) or "True"
        return self._by_class(leaf.value, inside, f"v is not None and {inside}")

    def _text_match(self, leaf: TextMatch) -> str:
        if isinstance(leaf.text, Field) and isinstance(leaf.part, Constant):
            part = self._name(leaf.part.value)
            test = {"contains": f"{part} in v", "starts": f"v.startswith({part})", "ends": f"v.endswith({part})"}
            return self._by_class(leaf.text, test[leaf.how], f"v is not None and {test[leaf.how]}")
        return f"matches_text({self._name(leaf.how)}, {self.value(leaf.text)}, {self.value(leaf.part)})"

    def _blank(self, value: Value) -> str:
        if isinstance(value, Field):
            return self._by_class(value, "v != v", "v is None")
        return f"({self.value(value, 'double')} is None)"

    def _truth(self, value: Value) -> str:
        if not isinstance(value, Field):
            return f"(True if {self.value(value, 'double')} else False)"
        tests = {"number": "v != 0 and v == v", "text": 'v != ""'}
        fast = tests.get(value.kind, "v")
        return self._by_class(value, fast, f"v is not None and {fast}")

    def _by_class(self, field: Field, fast: str, careful: str) -> str:
        read = f"[v := read_{field.kind}(v)]"
        if field.kind not in _CLASSES:
            return f"(({careful}) if [v := read_{field.kind}({self._get(field)})] else False)"
        return f"({fast} if (v := {self._get(field)}).__class__ in classes_{field.kind} else {read} and {careful})"

    def _get(self, field: Field) -> str:
        if not self._reads_once:
            return f"get({self._name(field.name)})"
        if field.name not in self.reads:
            self.reads[field.name] = f"feature_{len(self.reads)}", self._name(field.name)
        return self.reads[field.name][0]

    def _name(self, value: Any) -> str:
        name = f"part_{len(self.names)}"
        self.names[name] = value
        return name
