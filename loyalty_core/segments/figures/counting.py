"""How many customers a rule and each of its parts hold for: one statement for all figures of the builder."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.rules.certainty import certain_answer
from loyalty_core.rules.describe import describe_condition
from loyalty_core.rules.sql import to_predicate
from loyalty_core.rules.tree import AllOf, Always, AnyOf, Blank, Condition, Negation, fields_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from loyalty_core.rules import Rule
    from loyalty_core.warehouse import Warehouse
    from loyalty_core.warehouse.connection import Row

# Every answer is a bit of one signed 64-bit number.
_MAX_ANSWERS = 62
_MAX_STEPS = 12
_RULES_PER_STATEMENT = 50


@dataclass(frozen=True)
class ConditionCount:
    """One condition by itself: for how many customers it holds, and for how many it meets a blank.

    `certain` is what it says of every customer whatever the data, None where that depends on the customer.
    """

    path: str
    sentence: str
    holds: int
    blanks: int
    certain: bool | None = None


@dataclass(frozen=True)
class FunnelStep:
    """One of the conditions that all have to hold: who is left after it, and who would be without it alone."""

    path: str
    sentence: str
    remaining: int
    without: int


@dataclass(frozen=True)
class Preview:
    """A rule on the whole base: `members` of `customers`; `steps` is empty unless several conditions must hold.

    `certain` is False for a rule that nobody can meet whatever the data, True for one that everybody meets.
    """

    customers: int
    members: int
    steps: tuple[FunnelStep, ...] = ()
    conditions: tuple[ConditionCount, ...] = ()
    certain: bool | None = None

    @property
    def share(self) -> float:
        """Members by customers, 0 to 1; 0 on an empty base."""
        return self.members / self.customers if self.customers else 0.0


def count_customers(warehouse: Warehouse) -> int:
    """The size of the base."""
    return warehouse.rows(sa.select(sa.func.count().label("n")).select_from(warehouse.features))[0]["n"]


def count_members(warehouse: Warehouse, relation: sa.FromClause, rule: Rule) -> int:
    """The number of customers that a rule holds for."""
    counted = sa.select(sa.func.count().label("members")).select_from(relation)
    return warehouse.rows(counted.where(rule.to_sql(relation, where=True)))[0]["members"]


def count_each(warehouse: Warehouse, relation: sa.FromClause, rules: Mapping[str, Rule]) -> tuple[int, dict[str, int]]:
    """The number of all customers, and of those each of the rules holds for, up to fifty rules in one statement."""
    customers, counts = 0, dict[str, int]()
    names = list(rules)
    for start in range(0, len(names) or 1, _RULES_PER_STATEMENT):
        part = names[start : start + _RULES_PER_STATEMENT]
        members = [
            sa.func.count(sa.case((rules[name].to_sql(relation, where=True), 1))).label(f"members_{i}")
            for i, name in enumerate(part)
        ]
        counted = sa.select(sa.func.count().label("customers"), *members).select_from(relation)
        row = warehouse.rows(counted)[0]
        customers = row["customers"]
        counts |= {name: row[f"members_{i}"] for i, name in enumerate(part)}
    return customers, counts


def size(warehouse: Warehouse, relation: sa.FromClause, rule: Rule) -> Preview:
    """Members and customers in one statement, without the figures of single conditions."""
    members = sa.func.count(sa.case((rule.to_sql(relation, where=True), 1))).label("members")
    row = warehouse.rows(sa.select(sa.func.count().label("customers"), members).select_from(relation))[0]
    return Preview(row["customers"], row["members"])


def preview(warehouse: Warehouse, relation: sa.FromClause, rule: Rule) -> Preview:
    """Count the rule, each of its conditions and each step of its funnel in one statement.

    Conditions beyond the first 25 or so are not counted by themselves.
    """
    steps = _steps_of(rule.condition)
    conditions = list(_conditions_of(rule.condition))[: (_MAX_ANSWERS - 1 - len(steps)) // 2]
    answers = {
        "member": to_predicate(rule.condition, relation, where=True),
        **{f"holds_{i}": to_predicate(part, relation, where=True) for i, part in enumerate(conditions)},
        **{f"blank_{i}": _any_blank(part, relation) for i, part in enumerate(conditions)},
        **{f"step_{i}": to_predicate(part, relation, where=True) for i, part in enumerate(steps)},
    }
    row = warehouse.rows(sa.select(*_figures(_TruthTable(relation, answers), len(steps))))[0]
    return Preview(
        int(row["customers"]),
        int(row["member"]),
        _funnel(steps, row),
        _counts(conditions, row),
        certain_answer(rule.condition) if rule.to_json() else None,  # everyone is what an empty rule is for
    )


class _TruthTable:
    """Customers by their answers to all questions, each asked once for each customer.

    The answers are the bits of one number, by which the warehouse groups: that is half the work of adding up
    each figure over the whole base, since the figures then come from a few hundred groups.
    """

    def __init__(self, relation: sa.FromClause, answers: Mapping[str, sa.ColumnElement[bool]]) -> None:
        self.names = tuple(answers)
        bits = [sa.case((answer, _number(1 << i)), else_=_number(0)) for i, answer in enumerate(answers.values())]
        pattern = functools.reduce(lambda left, right: left + right, bits).label("pattern")
        each = sa.select(pattern).select_from(relation).subquery("each")
        counted = sa.select(each.c.pattern, sa.func.count().label("customers")).group_by(each.c.pattern)
        self._groups = counted.subquery("groups")

    def customers(self, *names: str) -> sa.ColumnElement[int]:
        """How many customers answer yes to all of the named questions; without names, all customers."""
        wanted = sum(1 << self.names.index(name) for name in names)
        yes = self._groups.c.pattern.bitwise_and(_number(wanted)) == _number(wanted)
        return sa.func.coalesce(sa.func.sum(sa.case((yes, self._groups.c.customers), else_=0)), 0)


def _figures(table: _TruthTable, steps: int) -> Iterator[sa.ColumnElement[int]]:
    yield table.customers().label("customers")
    for name in table.names:
        yield table.customers(name).label(name)
    names = [f"step_{i}" for i in range(steps)]
    for i in range(steps):
        yield table.customers(*names[: i + 1]).label(f"remaining_{i}")
        yield table.customers(*names[:i], *names[i + 1 :]).label(f"without_{i}")


def _number(value: int) -> sa.ColumnElement[int]:
    return sa.literal(value, sa.BigInteger())


def _funnel(steps: Sequence[Condition], row: Row) -> tuple[FunnelStep, ...]:
    return tuple(
        FunnelStep(step.path, describe_condition(step), int(row[f"remaining_{i}"]), int(row[f"without_{i}"]))
        for i, step in enumerate(steps)
    )


def _counts(conditions: Sequence[Condition], row: Row) -> tuple[ConditionCount, ...]:
    return tuple(
        ConditionCount(
            part.path,
            describe_condition(part),
            int(row[f"holds_{i}"]),
            int(row[f"blank_{i}"]),
            certain_answer(part),
        )
        for i, part in enumerate(conditions)
    )


def _conditions_of(condition: Condition) -> Iterator[Condition]:
    """The single conditions of a rule, as the builder shows them: “not in” is one, a group is none."""
    match condition:
        case AllOf() | AnyOf() if _is_group(condition):
            for part in _members_of(condition):
                yield from _conditions_of(part)
        case Negation(inner) if _is_group(inner) or _is_group_of_one(condition, inner):
            yield from _conditions_of(inner)
        case Always():
            return
        case _:
            yield condition


def _is_group(condition: Condition) -> bool:
    """Whether the rule has a group there; “is between” is bound to two comparisons, both at its own path."""
    return isinstance(condition, AllOf | AnyOf) and any(part.path != condition.path for part in condition.conditions)


def _members_of(group: AllOf | AnyOf) -> tuple[Condition, ...]:
    """The group's members as the rule has them: binding has put the halves of “is between” beside the others."""
    by_path = (tuple(parts) for _, parts in itertools.groupby(group.conditions, lambda part: part.path))
    return tuple(parts[0] if len(parts) == 1 else type(group)(parts, parts[0].path) for parts in by_path)


def _is_group_of_one(negation: Condition, inner: Condition) -> bool:
    """Whether a group of a single condition was negated; binding leaves the group out, but its path shows it."""
    return inner.path.removeprefix(negation.path).startswith((".or[", ".and["))


def _steps_of(condition: Condition) -> Sequence[Condition]:
    steps = _members_of(condition) if isinstance(condition, AllOf) and _is_group(condition) else ()
    return steps if 1 < len(steps) <= _MAX_STEPS else ()


def _any_blank(condition: Condition, relation: sa.FromClause) -> sa.ColumnElement[bool]:
    fields: Iterable[Any] = dict.fromkeys(fields_of(condition))
    blanks = [to_predicate(Blank(field, condition.path), relation) for field in fields]
    return sa.or_(*blanks) if blanks else sa.false()
