"""Conditions that hold for everybody, or for nobody, whatever the data: “from 60 to 30”, a constant, A and not A.

What a condition says of one column changes only at the constants that it names. So it is tried on a blank, on each
constant, and on a value beside and between them: with the same answer everywhere, it has that answer for every
customer. Where a condition is about several columns, its parts are tried column by column.
"""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any

from loyalty_core.rules.evaluate import compile_condition
from loyalty_core.rules.tree import (
    AllOf,
    Always,
    AnyOf,
    Blank,
    Comparison,
    Condition,
    Constant,
    Field,
    Membership,
    Negation,
    Period,
    Truth,
    parts_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

# Nobody writes more by mistake, and each would be tried while the analyst waits.
_MAX_CONSTANTS = 200
_MAX_CONDITIONS = 200
# Exact for the mean of any two doubles that people write.
_DIGITS = 400


def certain_answer(condition: Condition) -> bool | None:
    """True where every customer meets the condition, whatever the data, False where nobody can; else None.

    None as well for a condition with more than 200 parts.
    """
    if next(itertools.islice(_conditions_in(condition), _MAX_CONDITIONS, None), None) is not None:
        return None
    return _answer(condition)


def _conditions_in(condition: Condition) -> Iterator[Condition]:
    yield condition
    for part in parts_of(condition):
        if isinstance(part, Condition):
            yield from _conditions_in(part)


def _answer(condition: Condition) -> bool | None:
    constants = _constants_by_field(condition)
    if constants is not None and len(constants) == 1:
        ((field, values),) = constants.items()
        return _tried(condition, field, values)
    match condition:
        case Always(holds):
            return holds
        case Negation(inner):
            answer = _answer(inner)
            return None if answer is None else not answer
        case AllOf() | AnyOf():
            return _of_group(condition)
        case _:
            return None


def _of_group(group: AllOf | AnyOf) -> bool | None:
    decisive = isinstance(group, AnyOf)
    answers = [_answer(part) for part in group.conditions]
    if decisive in answers:
        return decisive
    if all(answer is not None for answer in answers):
        return not decisive
    by_field: dict[Field, list[Condition]] = {}
    for part in group.conditions:
        constants = _constants_by_field(part)
        if constants is not None and len(constants) == 1:
            by_field.setdefault(next(iter(constants)), []).append(part)
    together = (type(group)(tuple(parts), group.path) for parts in by_field.values() if len(parts) > 1)
    return decisive if len(by_field) > 1 and any(_answer(part) == decisive for part in together) else None


def _tried(condition: Condition, field: Field, constants: set[Any]) -> bool | None:
    if len(constants) > _MAX_CONSTANTS:
        return None
    matches = compile_condition(condition)
    answers = {matches({field.name: value}) for value in _values_to_try(field, constants)}
    return answers.pop() if len(answers) == 1 else None


def _constants_by_field(condition: Condition) -> dict[Field, set[Any]] | None:
    """The constants that each column is compared with; None for a condition that says something else of a column."""
    found: dict[Field, set[Any]] = {}
    waiting = [condition]
    while waiting:
        match waiting.pop():
            case AllOf(conditions) | AnyOf(conditions):
                waiting.extend(conditions)
            case Negation(inner):
                waiting.append(inner)
            case Comparison(operator, Field() as field, Constant(value)) if operator == "==" or field.kind == "number":
                found.setdefault(field, set()).add(value)
            case Membership(Field() as field, members):
                found.setdefault(field, set()).update(members)
            case Period(Field() as field, start, end):
                found.setdefault(field, set()).update(day for day in (start, end) if day is not None)
            case Blank(Field() as field) | Truth(Field() as field):
                found.setdefault(field, set())
            case Always():
                pass
            case _:
                return None
    return found


def _values_to_try(field: Field, constants: set[Any]) -> Iterator[Any]:
    yield None
    match field.kind:
        case "number":
            yield from _numbers({Decimal(0), *map(Decimal, constants)})
        case "date" | "datetime":
            yield from constants or {date(2000, 1, 1)}
            earliest = min(constants, default=None)
            if earliest is not None and earliest - type(earliest).min >= timedelta(days=1):
                yield earliest - timedelta(days=1)
        case "boolean":
            yield from (True, False)
        case "text":
            yield from {"", *constants}
            yield "".join(map(str, constants)) + "…"  # longer than each of them, so none of them
        case _:
            yield object()


def _numbers(constants: set[Decimal]) -> Iterator[Decimal]:
    with localcontext() as context:
        context.prec = _DIGITS
        ordered = sorted(constants)
        tried = [
            *ordered,
            ordered[0] - 1,
            ordered[-1] + 1,
            *((left + right) / 2 for left, right in itertools.pairwise(ordered)),
        ]
    yield from tried
