"""Why a customer belongs to a rule or not, and the smallest change that would reverse that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any

from loyalty_core.rules.describe import describe_condition, show_value
from loyalty_core.rules.evaluate import Features, Matcher, compile_condition
from loyalty_core.rules.row_values import READERS
from loyalty_core.rules.tree import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Constant,
    Field,
    Kind,
    Membership,
    Negation,
    Period,
    TextMatch,
    fields_of,
    parts_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OTHER = "another value"
_MAX_TRIALS = 2_000
_MAX_CHILDREN = 500
_STEPS = (1, 0.01)
_FILLERS: dict[Kind, tuple[Any, ...]] = {
    "number": (0, 1),
    "text": (OTHER, ""),
    "boolean": (True, False),
    "date": (date(2000, 1, 1),),
    "datetime": (datetime(2000, 1, 1),),  # noqa: DTZ001 - times are UTC without a zone
    "other": (OTHER,),
}


@dataclass(frozen=True, slots=True)
class Change:
    """Another value for one column."""

    column: str
    before: Any
    after: Any
    sentence: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """One condition of a rule for one customer.

    `actual` has the values of the columns that a single condition reads (empty for groups); `change`, on the rule as
    a whole, is the smallest set of changes found that would reverse `holds`, None when none was found.
    """

    sentence: str
    path: str
    holds: bool
    actual: Mapping[str, Any]
    children: tuple[Explanation, ...] = ()
    change: tuple[Change, ...] | None = None


class Explainer:
    """Explains one rule for any number of customers; conditions are compiled once."""

    def __init__(self, condition: Condition, matches: Matcher) -> None:
        self._condition = condition
        self._matches = matches
        self._compiled: dict[int, Matcher] = {id(condition): matches}
        self._fields = {field.name: field for field in fields_of(condition)}

    def explain(self, features: Features) -> Explanation:
        """The rule's tree with the customer's values, and what would reverse the outcome."""
        tree = self._explain(self._condition, features)
        change = self._smallest_change(features, tree.holds)
        return Explanation(tree.sentence, tree.path, tree.holds, tree.actual, tree.children, change)

    def _explain(self, condition: Condition, features: Features) -> Explanation:
        inner = [part for part in parts_of(condition) if isinstance(part, Condition)]
        actual = {} if inner else {field.name: features.get(field.name) for field in fields_of(condition)}
        children = tuple(self._explain(part, features) for part in inner[:_MAX_CHILDREN])
        sentence = _heading(condition, len(inner)) or describe_condition(condition)
        return Explanation(sentence, condition.path, self._holds(condition, features), actual, children)

    def _holds(self, condition: Condition, features: Features) -> bool:
        matcher = self._compiled.get(id(condition))
        if matcher is None:
            matcher = self._compiled[id(condition)] = compile_condition(condition)
        return matcher(features)

    def _smallest_change(self, features: Features, outcome: bool) -> tuple[Change, ...] | None:
        changes = sorted(islice(self._changes(features), _MAX_TRIALS), key=lambda pair: pair[0])
        for _, change in changes:
            if self._reverses([change], features, outcome):
                return (change,)
        needed = self._needed(self._condition, not outcome, features)
        if needed and self._reverses(needed, features, outcome):
            return tuple(needed)
        pairs = combinations((change for _, change in changes), 2)
        for pair in islice(pairs, _MAX_TRIALS):
            if self._reverses(pair, features, outcome):
                return pair
        return None

    def _reverses(self, changes: list[Change] | tuple[Change, ...], features: Features, outcome: bool) -> bool:
        return self._matches({**features, **{change.column: change.after for change in changes}}) != outcome

    def _changes(self, features: Features) -> Iterator[tuple[float, Change]]:
        seen: set[tuple[str, str]] = set()
        for leaf in _leaves(self._condition):
            for field, value in _candidates(leaf, features):
                before = READERS[field.kind](features.get(field.name))
                key = (field.name, repr(value))
                if key not in seen and value != before:
                    seen.add(key)
                    yield _size(before, value), _change(field, features.get(field.name), value)

    def _needed(self, condition: Condition, wanted: bool, features: Features) -> list[Change] | None:
        """Changes that make the condition come out as wanted, as long as they do not conflict."""
        if self._holds(condition, features) == wanted:
            return []
        match condition:
            case Negation():
                return self._needed(condition.condition, not wanted, features)
            case AllOf() | AnyOf():
                found = [self._needed(part, wanted, features) for part in condition.conditions]
                possible = [changes for changes in found if changes is not None]
                if isinstance(condition, AllOf) != wanted:
                    return min(possible, key=len, default=None)
                return None if len(possible) < len(found) else [change for changes in possible for change in changes]
            case _ if any(isinstance(part, Condition) for part in parts_of(condition)):
                return None
            case _:
                return self._reverse_leaf(condition, features)

    def _reverse_leaf(self, leaf: Condition, features: Features) -> list[Change] | None:
        holds = self._holds(leaf, features)
        changes = [
            (_size(READERS[field.kind](features.get(field.name)), value), field, value)
            for field, value in islice(_candidates(leaf, features), _MAX_TRIALS)
        ]
        for _, field, value in sorted(changes, key=lambda change: change[0]):
            if self._holds(leaf, {**features, field.name: value}) != holds:
                return [_change(field, features.get(field.name), value)]
        return None


def _heading(condition: Condition, parts: int) -> str:
    match condition:
        case AllOf():
            return f"All of these {parts} conditions"
        case AnyOf():
            return f"At least one of these {parts} conditions"
        case Negation() if parts and isinstance(condition.condition, AllOf | AnyOf):
            return "The opposite of"
        case _:
            return ""


def _leaves(condition: Condition) -> Iterator[Condition]:
    inner = [part for part in parts_of(condition) if isinstance(part, Condition)]
    if not inner:
        yield condition
    for part in inner:
        yield from _leaves(part)


def _candidates(leaf: Condition, features: Features) -> Iterator[tuple[Field, Any]]:
    """Values near the boundary between true and false for each column of a leaf."""
    for field in dict.fromkeys(fields_of(leaf)):
        for border in _borders(leaf, features):
            yield from ((field, value) for value in _around(border, field, features.get(field.name)))
        yield from ((field, filler) for filler in (*_FILLERS[field.kind], None))


def _borders(leaf: Condition, features: Features) -> Iterator[Any]:
    match leaf:
        case Comparison():
            for side in (leaf.left, leaf.right):
                if isinstance(side, Constant):
                    yield side.value
                    if isinstance(side.value, str) and leaf.operator != "==":
                        yield f"{side.value}a"
                elif isinstance(side, Field):
                    yield READERS[side.kind](features.get(side.name))
        case Membership():
            yield from leaf.members[:_MAX_CHILDREN]
        case Period():
            yield from (limit for limit in (leaf.start, leaf.end) if limit is not None)
        case TextMatch() if isinstance(leaf.part, Constant):
            yield leaf.part.value
        case _:
            return


def _around(border: Any, field: Field, actual: Any) -> Iterator[Any]:
    match field.kind, border:
        case "number", int() | float() | Decimal():
            yield border
            whole = isinstance(border, int) and isinstance(actual, int)
            steps = (1,) if whole else _STEPS if abs(border) < 1e12 else (abs(float(border)) / 1e6,)
            for step in steps:
                yield from (_moved(border, step), _moved(border, -step))
        case "date", date() if not isinstance(border, datetime):
            yield from (border, *_days_beside(border, timedelta(days=1)))
        case "datetime", datetime():
            yield from (border, *_days_beside(border, timedelta(seconds=1)))
        case "text", str():
            yield border
        case _:
            return


def _moved(number: Any, step: float) -> Any:
    if isinstance(number, int) and step == int(step):
        return number + int(step)
    return round(float(number) + step, 6)


def _days_beside(border: Any, step: timedelta) -> Iterator[Any]:
    for sign in (1, -1):
        try:
            yield border + sign * step
        except OverflowError:
            continue


def _size(before: Any, after: Any) -> float:
    """How big a change is: up to 1 between numbers or dates, 1 between texts, 2 from blank, 3 to blank."""
    if before is None or after is None:
        return 3 if after is None else 2
    if isinstance(before, (bool, str)):
        return {OTHER: 1.5, "": 1.75}.get(after, 1)
    if isinstance(before, int | float | Decimal):
        first, second = float(before), float(after)
        return abs(first - second) / (abs(first) + abs(second) or 1)
    if isinstance(before, date) and type(before) is type(after):
        return min(1.0, abs((before - after).days) / 3650)
    return 1


def _change(field: Field, before: Any, after: Any) -> Change:
    wanted = after if after == OTHER else show_value(after)
    return Change(
        field.name, before, after, f"{field.label} would have to be {wanted} instead of {show_value(before)}."
    )
