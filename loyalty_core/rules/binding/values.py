"""Binding of values: columns by name, constants by kind, arithmetic and text with their types checked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from loyalty_core.names import nearest_names
from loyalty_core.rules.binding.constants import Unreadable, read_constant
from loyalty_core.rules.errors import FaultList, capitalized, shown
from loyalty_core.rules.json_logic import Evaluation
from loyalty_core.rules.parse import Broken, Call, Items, Literal, Node
from loyalty_core.rules.tree import (
    Blank,
    Calculation,
    Choice,
    Condition,
    Constant,
    Field,
    Joined,
    Kind,
    Membership,
    Part,
    RuleColumn,
    Value,
    parts_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, tzinfo

# SQL repeats some operands, and doubles can neither overflow nor underflow in so few steps (see sql/values.py).
_MAX_OPERANDS = 16
_MAX_PARTS = 64
_MAX_BOUND = 50_000
ARITHMETIC = frozenset({"+", "-", "*", "/", "%", "min", "max"})
KIND_WORDS: dict[Kind, str] = {
    "number": "numbers",
    "text": "texts",
    "boolean": "true or false",
    "date": "dates",
    "datetime": "dates with a time",
    "other": "values that cannot be compared",
}


class ValueBinder(ABC):
    """Reads the parts of a rule that stand for values; None where a fault was recorded."""

    def __init__(self, columns: Iterable[RuleColumn], faults: FaultList, today: date, zone: tzinfo) -> None:
        self._columns: Mapping[str, RuleColumn] = {column.name: column for column in columns}
        self._faults = faults
        self._evaluation = Evaluation(faults, today)
        self._zone = zone
        self._bound = 0
        self._element: Value | None = None  # what {"var": ""} is within some, all and none

    @abstractmethod
    def condition(self, node: Node) -> Condition:
        """The node as something true or false."""

    def count(self, node: Node) -> None:
        """Count one more bound node; some are bound once for each member of a list."""
        self._bound += 1
        if self._bound > _MAX_BOUND:
            sentence = f"The rule expands to more than {_MAX_BOUND:,} conditions and values."
            raise self._faults.stop("too_large", node.path, sentence, "Divide it into several segments.")

    def constant(self, node: Node) -> Any:
        """The value of a node that no customer's data can change."""
        return self._evaluation.value(node, None)

    def value(self, node: Node, kind: Kind | None = None) -> Value | None:
        """The node as a value, of that kind where one is asked for."""
        self.count(node)
        if isinstance(node, Broken):
            return None
        if node.constant:
            return self.read(self.constant(node), kind, node.path)
        if isinstance(node, Items | Literal):
            return self._fault("wrong_type", node.path, "A list cannot be compared here.")
        found = self._call(node, kind)
        if found is None or kind is None or found.kind == kind:
            return found
        return self._fault(
            "wrong_type", node.path, f"{capitalized(KIND_WORDS[kind])} are needed here, not {_is_of(found)}."
        )

    def read(self, value: Any, kind: Kind | None, path: str) -> Constant | None:
        """A constant as the kind, or as what it is by itself."""
        kind = kind or _kind_of(value)
        try:
            return Constant(read_constant(value, kind), kind)
        except Unreadable as error:
            sentence = f"{shown(value)} cannot be compared with {KIND_WORDS[kind]}."
            return self._fault("wrong_type", path, sentence, str(error))

    def field(self, name: Any, path: str) -> Field | None:
        """The column of that name."""
        text = str(name) if isinstance(name, str) or (type(name) is int and abs(name) < 10**18) else None
        if text is None:
            return self._fault("unknown_column", path, "The name of a column must be a text.")
        column = self._columns.get(text)
        if column is None:
            return self._fault("unknown_column", path, f"There is no column {shown(text)}.", self._nearest(text))
        return Field(column.name, column.kind, column.label)

    def _nearest(self, name: str) -> str:
        by_text = {column.label.lower(): column.name for column in self._columns.values()}
        by_text |= {column.lower(): column for column in self._columns}
        near = dict.fromkeys(by_text[text] for text in nearest_names(name, by_text, 3))
        return f"Nearest: {', '.join(near)}." if near else "Choose one of the columns of the features view."

    def _call(self, node: Call, kind: Kind | None) -> Value | None:
        match node.operator:
            case "var":
                return self._variable(node)
            case name if name in ARITHMETIC:
                return self._calculation(node)
            case "cat":
                return self._small_enough(self._joined(node), node.path)
            case "substr":
                return self._small_enough(self._part(node), node.path)
            case "if" | "?:":
                return self._small_enough(self._choice(node, kind), node.path)
            case name:
                sentence = f"{name} gives no value that can be compared with a customer's."
                return self._fault("wrong_type", node.path, sentence, "Use it as a condition of its own.")

    def _variable(self, node: Call) -> Value | None:
        name_node, *default = node.arguments or (Literal("", node.path),)
        if not name_node.constant:
            sentence = "The name of a column cannot depend on the customer."
            return self._fault("unknown_column", node.path, sentence, "Name the column itself.")
        name = self.constant(name_node)
        if self._element is not None:
            return self._of_element(name, node.path)
        if name is None or name == "":
            sentence = "An empty name means a member of a list, and there is no list here."
            return self._fault("unknown_column", node.path, sentence, "Name a column.")
        column = self.field(name, node.path)
        if column is None or not default:
            return column
        return self._with_default(column, default[0])

    def _of_element(self, name: Any, path: str) -> Value | None:
        if name is None or name == "":
            return self._element
        sentence = 'Within some, all and none only {"var": ""} can be read: the member itself.'
        return self._fault("unknown_column", path, sentence, "Join conditions on columns with “and” or “or”.")

    def _with_default(self, column: Field, node: Node) -> Value | None:
        if node.constant and self.constant(node) is None:
            return column
        if column.kind not in {"number", "text", "boolean"}:
            sentence = f"A column with {KIND_WORDS[column.kind]} takes no default."
            return self._fault("wrong_type", node.path, sentence, "Add “or is blank” as a condition.")
        default = self.value(node, column.kind)
        if default is None:
            return None
        return Choice(((Blank(column, node.path), default),), column, column.kind)

    def _calculation(self, node: Call) -> Value | None:
        operands = [self.value(argument, "number") for argument in node.arguments]
        known = tuple(operand for operand in operands if operand is not None)
        if len(known) < len(operands):
            return None
        calculation = Calculation(node.operator, known)
        for constant in known:
            if isinstance(constant, Constant) and not _is_ordinary(constant.value):
                sentence = "A number in arithmetic is beyond 10^15, or nearer to 0 than 10^-15."
                return self._fault("number_too_large", node.path, sentence)
        if _weight(calculation) > _MAX_OPERANDS:
            sentence = f"A calculation has more than {_MAX_OPERANDS} operands (% min max count twice)."
            return self._fault("too_large", node.path, sentence, "Calculate it in the features view.")
        return calculation

    def _joined(self, node: Call) -> Value | None:
        parts: list[Value | None] = []
        for argument in node.arguments:
            if argument.constant:
                parts.append(Constant(self.constant(Call("cat", (argument,), node.path, True)), "text"))
            else:
                parts.append(self.value(argument, "text"))
        if None in parts:
            return None
        # One level, however it was nested: SQLite's parser allows few.
        inner = [part.parts if isinstance(part, Joined) else (part,) for part in parts]
        return Joined(tuple(part for several in inner for part in several if part is not None))

    def _part(self, node: Call) -> Value | None:
        text = self.value(node.arguments[0], "text")
        bounds: list[int | None] = []
        for argument in node.arguments[1:]:
            bound = self.constant(argument) if argument.constant else None
            if type(bound) is not int or abs(bound) > 10**6:
                return self._fault("wrong_type", argument.path, "The start and length of substr must be whole numbers.")
            bounds.append(bound)
        return Part(text, bounds[0] or 0, bounds[1] if len(bounds) > 1 else None) if text else None

    def _choice(self, node: Call, kind: Kind | None) -> Value | None:
        *pairs, last = node.arguments if len(node.arguments) % 2 else (*node.arguments, None)
        conditions, outcomes = pairs[::2], [*pairs[1::2], last]
        values = self._outcomes([outcome for outcome in outcomes if outcome is not None], kind, node.path)
        cases = [self.condition(condition) for condition in conditions if condition is not None]
        if values is None:
            return None
        otherwise = values[-1] if last is not None else None
        kinds: list[Kind] = [value.kind for value in values if value is not None]
        kind = kinds[0] if kinds else kind
        if kind is None:
            return None
        paired = zip(cases, values[: len(cases)], strict=True)
        return Choice(tuple(paired), otherwise, kind) if cases else otherwise

    def _outcomes(self, nodes: Sequence[Node], kind: Kind | None, path: str) -> list[Value | None] | None:
        """The values that an `if` can have, all of one kind, None for blank; constants take the kind of the others."""
        bound = {index: self.value(node, kind) for index, node in enumerate(nodes) if not node.constant}
        if None in bound.values():
            return None
        kind = kind or next((value.kind for value in bound.values() if value is not None), None)
        for index, node in enumerate(nodes):
            if node.constant and not self._is_null(node):
                bound[index] = constant = self.value(node, kind)
                if constant is None:
                    return None
                kind = kind or constant.kind
        if kind not in {"number", "text", "boolean"} or any(v and v.kind != kind for v in bound.values()):
            return self._fault("wrong_type", path, "The branches of if give values of different kinds.")
        return [bound.get(index) for index in range(len(nodes))]

    def _is_null(self, node: Node) -> bool:
        return node.constant and self.constant(node) is None

    def _small_enough(self, value: Value | None, path: str) -> Value | None:
        if value is None or _weight(value) <= _MAX_PARTS:
            return value
        return self._fault("too_large", path, "A value is made of too many parts.", "Build it in the features view.")

    def _fault(self, code: str, path: str, sentence: str, remedy: str = "") -> None:
        self._faults.add(code, path, sentence, remedy)


def _kind_of(value: Any) -> Kind:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "text" if isinstance(value, str) else "other"


def _is_of(value: Value) -> str:
    return f"{value.label} ({KIND_WORDS[value.kind]})" if isinstance(value, Field) else KIND_WORDS[value.kind]


def _is_ordinary(number: Any) -> bool:
    return number == 0 or 1e-15 <= abs(number) <= 1e15


def _weight(part: Condition | Value | None) -> int:
    """How many columns and constants a value becomes in SQL, where some operands are repeated."""
    if part is None:
        return 0
    return _copies(part) * max(1, sum(_weight(inner) for inner in parts_of(part)))


def _copies(part: Condition | Value) -> int:
    """How often SQL repeats what is within: a bound that counts from the end needs the length of the text."""
    if isinstance(part, Part):
        to_end = part.length is not None and part.length < 0
        return (3 if part.start < 0 else 1) * (3 if to_end else 1)
    doubled = isinstance(part, Calculation) and part.operator in {"%", "min", "max"}
    return 2 if doubled or isinstance(part, Membership) else 1
