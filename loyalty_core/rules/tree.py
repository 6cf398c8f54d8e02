"""The typed tree of a rule once its names and values are known; evaluate, SQL, explain and describe read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

ComparisonOperator = Literal["==", "<", "<=", ">", ">="]
Kind = Literal["number", "boolean", "text", "date", "datetime", "other"]
Scalar = bool | int | float | str


# What an operator becomes when its sides change places.
FLIPPED: dict[ComparisonOperator, ComparisonOperator] = {"==": "==", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def as_number(value: Scalar) -> int | float:
    """A constant that binding has made a number."""
    if isinstance(value, str):
        raise TypeError(f"{value!r} is no number")
    return value


class RuleColumn(Protocol):
    """What a rule needs to know of a column; the warehouse catalog's columns are such."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def label(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Field:
    """The value of a column."""

    name: str
    kind: Kind
    label: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A value written in the rule."""

    value: Scalar
    kind: Kind

    @property
    def number(self) -> int | float:
        """The value of a constant whose kind is number."""
        return as_number(self.value)


@dataclass(frozen=True, slots=True)
class Calculation:
    """Arithmetic and extremes (`+ - * / % min max`) in doubles; blank when an operand is."""

    operator: str
    operands: tuple[Value, ...]
    kind: Kind = "number"


@dataclass(frozen=True, slots=True)
class Joined:
    """Texts one after another; a blank adds nothing."""

    parts: tuple[Value, ...]
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Part:
    """Part of a text: a negative start counts from the end, a negative length leaves that many off the end."""

    text: Value
    start: int
    length: int | None
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Choice:
    """The value of the first case whose condition holds, else `otherwise` (blank when None)."""

    cases: tuple[tuple[Condition, Value | None], ...]
    otherwise: Value | None
    kind: Kind


Value = Field | Constant | Calculation | Joined | Part | Choice


@dataclass(frozen=True, slots=True)
class Always:
    """True for everyone, or for nobody."""

    holds: bool
    path: str = "$"


@dataclass(frozen=True, slots=True)
class AllOf:
    conditions: tuple[Condition, ...]
    path: str


@dataclass(frozen=True, slots=True)
class AnyOf:
    conditions: tuple[Condition, ...]
    path: str


@dataclass(frozen=True, slots=True)
class Negation:
    condition: Condition
    path: str


@dataclass(frozen=True, slots=True)
class Branch:
    """The first case whose condition holds decides, else `otherwise`."""

    cases: tuple[tuple[Condition, Condition], ...]
    otherwise: Condition
    path: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """Both conditions hold, or neither does."""

    left: Condition
    right: Condition
    path: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values of one kind; false when one is blank, but `==` holds between two blanks."""

    operator: ComparisonOperator
    left: Value
    right: Value
    path: str

    def flipped(self) -> Comparison:
        """The same with its sides changed over."""
        return Comparison(FLIPPED[self.operator], self.right, self.left, self.path)


@dataclass(frozen=True, slots=True)
class Membership:
    """The value is one of `members`, which have its kind; or blank, where `blank` says so."""

    value: Value
    members: tuple[Scalar, ...]
    blank: bool
    path: str


@dataclass(frozen=True, slots=True)
class Period:
    """A date from `start` to before `end`; times are UTC without a zone. `wording` is for people."""

    value: Field
    start: date | datetime | None
    end: date | datetime | None
    path: str
    wording: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class TextMatch:
    """The text contains, starts with or ends with another one, letter for letter."""

    how: Literal["contains", "starts", "ends"]
    text: Value
    part: Value
    path: str


@dataclass(frozen=True, slots=True)
class Blank:
    """Missing, NULL or NaN."""

    value: Value
    path: str


@dataclass(frozen=True, slots=True)
class Truth:
    """Filled, and neither false, 0 nor ""."""

    value: Value
    path: str


@dataclass(frozen=True, slots=True)
class FewerFilled:
    """Fewer than `needed` of the columns have a value."""

    needed: int
    columns: tuple[Field, ...]
    path: str


Leaf = Comparison | Membership | Period | TextMatch | Blank | Truth | FewerFilled
Condition = Always | AllOf | AnyOf | Negation | Branch | Agreement | Leaf


def fields_of(part: Condition | Value | None) -> Iterator[Field]:
    """Every column read, in reading order, repeated as often as it is read."""
    if isinstance(part, Field):
        yield part
    elif part is not None:
        for inner in parts_of(part):
            yield from fields_of(inner)


def parts_of(part: Condition | Value) -> tuple[Condition | Value | None, ...]:
    """The conditions and values directly within one."""
    match part:
        case AllOf() | AnyOf():
            return part.conditions
        case Negation():
            return (part.condition,)
        case Branch() | Choice():
            return (*(inner for case in part.cases for inner in case), part.otherwise)
        case Agreement() | Comparison():
            return part.left, part.right
        case Membership() | Period() | Blank() | Truth():
            return (part.value,)
        case TextMatch():
            return part.text, part.part
        case FewerFilled():
            return part.columns
        case Calculation():
            return part.operands
        case Joined():
            return part.parts
        case Part():
            return (part.text,)
        case _:
            return ()
