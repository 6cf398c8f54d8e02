"""A bound rule as a SQL predicate: true or false for every row, never NULL, with negation pushed to the leaves.

In a leaf the negative form is written out (`not (x < 5)` is `x >= 5 or x is null`); nothing is wrapped in COALESCE,
which would hide the column from indexes and from the statistics that let a database skip blocks of rows. The form for
WHERE leaves out `and x is not null` from leaves that are not negated: a tenth of a count in DuckDB.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.rules.choices import by_case
from loyalty_core.rules.sql import elements
from loyalty_core.rules.sql.blanks import first_moment, is_blank, is_filled, last_moment, temporal
from loyalty_core.rules.sql.elements import bound, not_nan
from loyalty_core.rules.sql.members import members_by_type
from loyalty_core.rules.sql.numbers import neighbours, number_parameter
from loyalty_core.rules.sql.types import is_whole
from loyalty_core.rules.sql.values import SqlValues
from loyalty_core.rules.tree import (
    Agreement,
    AllOf,
    Always,
    AnyOf,
    Blank,
    Branch,
    Comparison,
    Condition,
    Constant,
    FewerFilled,
    Field,
    Membership,
    Negation,
    Period,
    TextMatch,
    Truth,
    as_number,
    parts_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Predicate = sa.ColumnElement[bool]

_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SEARCHES = {"contains": elements.Contains, "starts": elements.StartsWith, "ends": elements.EndsWith}
_OPPOSITES = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
# SQLite's parser holds a hundred open brackets; a deep group that comes first leaves nothing waiting beside it.
_DEEP = 12
# SQLite counts a chain of operators as that many levels, and allows a thousand.
_LONGEST_CHAIN = 200


def to_predicate(condition: Condition, table: sa.FromClause, *, where: bool = False) -> Predicate:
    """The condition on the columns of `table`; with `where`, NULL may stand for false."""
    return _Predicates(table, where=where).write(condition, positive=True)


class _Predicates:
    def __init__(self, table: sa.FromClause, *, where: bool) -> None:
        self._where = where
        self._values = SqlValues(table, lambda condition: self.write(condition, positive=True))

    def write(self, condition: Condition, *, positive: bool) -> Predicate:  # noqa: PLR0912 - a case per node
        """The condition, or its opposite."""
        match condition:
            case Always():
                return _always(condition.holds == positive)
            case Negation():
                return self.write(condition.condition, positive=not positive)
            case AllOf() | AnyOf():
                return self._group(condition, positive=positive)
            case Branch():
                cases = [(self.write(when, positive=True), self._bit(then)) for when, then in condition.cases]
                chosen = sa.case(*cases, else_=self._bit(condition.otherwise))
                return chosen == _bit_of(positive)
            case Agreement():
                left, right = self._bit(condition.left), self._bit(condition.right)
                return left == right if positive else left != right
            case Comparison():
                return self._comparison(condition, positive=positive)
            case Membership():
                return self._membership(condition, positive=positive)
            case Period():
                return self._period(condition, positive=positive)
            case TextMatch():
                return self._text_match(condition, positive=positive)
            case Blank():
                return self._blank(condition, positive=positive)
            case Truth():
                return self._truth(condition, positive=positive)
            case FewerFilled():
                filled = [sa.case((self.write(Blank(c, ""), positive=True), 0), else_=1) for c in condition.columns]
                count: sa.ColumnElement[int] = filled[0]
                for one in filled[1:]:
                    count = count + one
                needed = bound(condition.needed, sa.Integer())
                return count < needed if positive else count >= needed

    def _group(self, group: AllOf | AnyOf, *, positive: bool) -> Predicate:
        conditions = group.conditions
        if any(_levels(condition) >= _DEEP for condition in conditions):
            conditions = sorted(conditions, key=_levels, reverse=True)
        written = [self.write(condition, positive=positive) for condition in conditions]
        every = isinstance(group, AllOf) == positive
        if not written:
            return _always(every)
        join = sa.and_ if every else sa.or_
        if len(written) > _LONGEST_CHAIN:
            parts = [written[start : start + _LONGEST_CHAIN] for start in range(0, len(written), _LONGEST_CHAIN)]
            written = [elements.InBrackets(join(*part)) for part in parts]
        return join(*written)

    def _bit(self, condition: Condition) -> sa.ColumnElement[int]:
        """The condition as 1 or 0, for databases that have no boolean values."""
        if isinstance(condition, Always):
            return _bit_of(condition.holds)
        return sa.case((self.write(condition, positive=True), _bit_of(True)), else_=_bit_of(False))

    def _comparison(self, leaf: Comparison, *, positive: bool) -> Predicate:
        if isinstance(leaf.left, Field) and isinstance(leaf.right, Constant):
            column, constant = self._values.column(leaf.left), leaf.right.value
            match leaf.left.kind:
                case "number":
                    return self._compare_number(column, leaf.operator, leaf.right.number, positive=positive)
                case "text":
                    ordered = column if leaf.operator == "==" else elements.by_code_point(column)
                    return self._compare(
                        column, ordered, leaf.operator, bound(constant, sa.UnicodeText()), positive=positive
                    )
                case _:
                    value = sa.true() if constant else sa.false()
                    return self._compare(column, column, leaf.operator, value, positive=positive)
        branch = by_case(leaf)
        if branch is not None:
            return self.write(branch, positive=positive)
        return self._compare_values(leaf, positive=positive)

    def _compare_values(self, leaf: Comparison, *, positive: bool) -> Predicate:
        left, right = self._both(leaf)
        if leaf.operator == "==":
            found = elements.Same(left, right)
            return found if positive else sa.not_(found)
        if leaf.left.kind == "text":
            left, right = elements.by_code_point(left), elements.by_code_point(right)
        return _decided(_OPERATIONS[leaf.operator](left, right), positive=positive)

    def _both(self, leaf: Comparison) -> tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]]:
        """Both sides; two columns of whole numbers as they are stored, other numbers as doubles."""
        left, right = leaf.left, leaf.right
        if isinstance(left, Field) and isinstance(right, Field) and left.kind == "number":
            columns = self._values.column(left), self._values.column(right)
            if all(is_whole(column.type) for column in columns):
                return columns
        values = self._values.expression(left), self._values.expression(right)
        return (elements.moment(values[0]), elements.moment(values[1])) if left.kind == "datetime" else values

    def _membership(self, leaf: Membership, *, positive: bool) -> Predicate:
        if not isinstance(leaf.value, Field):
            value = self._values.expression(leaf.value)
            kind = {"number": sa.Double(), "text": sa.UnicodeText()}.get(leaf.value.kind, sa.Boolean())
            members = [float(as_number(member)) if leaf.value.kind == "number" else member for member in leaf.members]
            found: Predicate = elements.among(value, members, kind) if members else sa.false()
            return _decided(sa.or_(found, value.is_(None)) if leaf.blank else found, positive=positive)
        column = self._values.column(leaf.value)
        groups = members_by_type(leaf, column.type)
        if not groups:
            return self._blank(Blank(leaf.value, leaf.path), positive=positive) if leaf.blank else _always(not positive)
        tests = [elements.among(column, members, kind) for members, kind in groups]
        blank = is_blank(column)
        if positive:
            found = sa.or_(*tests)
            return sa.or_(found, blank) if leaf.blank else self._true(column, found)
        outside = sa.and_(*(sa.not_(test) for test in tests))
        return sa.and_(outside, sa.not_(blank)) if leaf.blank else sa.or_(outside, column.is_(None))

    def _period(self, leaf: Period, *, positive: bool) -> Predicate:
        column = self._values.column(leaf.value)
        # An open end leaves out what Python cannot hold, which a row has as a blank: infinity, BC, the year 10000.
        start = temporal(leaf.start or first_moment(leaf.value.kind), column)
        end = temporal(leaf.end or last_moment(leaf.value.kind), column)
        if positive:
            return self._true(column, column >= start, column < end if leaf.end else column <= end)
        return sa.or_(column < start, column >= end if leaf.end else column > end, column.is_(None))

    def _text_match(self, leaf: TextMatch, *, positive: bool) -> Predicate:
        text, part = self._values.expression(leaf.text), self._values.expression(leaf.part)
        found = _SEARCHES[leaf.how](text, part)
        if isinstance(leaf.text, Field) and isinstance(leaf.part, Constant):
            return self._true(text, found) if positive else sa.or_(sa.not_(found), text.is_(None))
        return _decided(found, positive=positive)

    def _blank(self, leaf: Blank, *, positive: bool) -> Predicate:
        if isinstance(leaf.value, Field):
            column = self._values.column(leaf.value)
            return is_blank(column) if positive else is_filled(column)
        value = self._values.expression(leaf.value)
        return value.is_(None) if positive else value.is_not(None)

    def _truth(self, leaf: Truth, *, positive: bool) -> Predicate:
        value = leaf.value
        if not isinstance(value, Field):
            expression = self._values.expression(value)
            false = {"number": bound(0.0, sa.Double()), "text": bound("", sa.UnicodeText())}.get(value.kind, sa.false())
            return _decided(expression != false, positive=positive)
        column = self._values.column(value)
        match value.kind:
            case "number":
                zero = number_parameter(0, column.type)
                return (
                    sa.and_(column != zero, is_filled(column)) if positive else sa.or_(column == zero, is_blank(column))
                )
            case "text":
                empty = bound("", sa.UnicodeText())
                return self._compare(column, column, "!=", empty, positive=positive)
            case _:
                return self._compare(column, column, "==", sa.true(), positive=positive)

    def _compare_number(
        self, column: sa.ColumnElement[Any], name: str, constant: float, *, positive: bool
    ) -> Predicate:
        """A number column against a constant, which is first moved to what the column's type can hold."""
        below, above = neighbours(constant, column.type)
        if name == "==" and below != above:
            return _always(not positive)
        limit = number_parameter(below if name in {"<=", ">"} else above, column.type)
        guard = not_nan(column) if name in {">", ">="} else None  # NaN is above all numbers, so only these meet it
        if positive:
            test = _OPERATIONS[name](column, limit)
            return self._true(column, test, guard) if guard is not None else self._true(column, test)
        tests = [_OPERATIONS[_OPPOSITES[name]](column, limit), column.is_(None)]
        return sa.or_(*tests, sa.not_(guard)) if guard is not None else sa.or_(*tests)

    def _compare(
        self,
        column: sa.ColumnElement[Any],
        compared: sa.ColumnElement[Any],
        name: str,
        constant: sa.ColumnElement[Any],
        *,
        positive: bool,
    ) -> Predicate:
        """`compared name constant`, where `compared` is the column in the order or form to compare it in."""
        if positive:
            return self._true(column, _OPERATIONS[name](compared, constant))
        return sa.or_(_OPERATIONS[_OPPOSITES[name]](compared, constant), column.is_(None))

    def _true(self, column: sa.ColumnElement[Any], *tests: Predicate) -> Predicate:
        """All tests on a column, false where it is NULL."""
        return sa.and_(*tests) if self._where and tests else sa.and_(*tests, column.is_not(None))


def _decided(test: Predicate, *, positive: bool) -> Predicate:
    """A test that may be NULL, which counts as false; it is written once, however much is in it."""
    return sa.case((test, _bit_of(True)), else_=_bit_of(False)) == _bit_of(positive)


def _bit_of(holds: bool) -> sa.ColumnElement[int]:
    return sa.literal_column("1" if holds else "0", sa.Integer())


def _always(holds: bool) -> Predicate:
    # Not true() and false(), which SQLAlchemy folds into the expression around them.
    return _bit_of(True) == _bit_of(holds)


def _levels(condition: Condition) -> int:
    """How many groups stand within one another."""
    inner = [_levels(part) for part in parts_of(condition) if isinstance(part, _NESTING)]
    return 1 + max(inner, default=0)


_NESTING = AllOf | AnyOf | Negation | Branch | Agreement
