"""Values of a rule in SQL: blank is NULL, numbers are doubles unless a column is compared as it is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.rules.errors import Fault, RuleError, shown
from loyalty_core.rules.row_values import LARGEST_OPERAND, LARGEST_QUOTIENT, SMALLEST_OPERAND
from loyalty_core.rules.sql import elements
from loyalty_core.rules.sql.elements import bound
from loyalty_core.rules.sql.numbers import number_parameter
from loyalty_core.rules.sql.types import WrittenDouble, is_whole
from loyalty_core.rules.tree import Calculation, Choice, Condition, Constant, Field, Joined, Part, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ONE: sa.ColumnElement[int] = sa.literal_column("1", sa.Integer())

Column = sa.ColumnElement[Any]


class SqlValues:
    """Values over the columns of one table; `predicate` turns the conditions within them into SQL."""

    def __init__(self, table: sa.FromClause, predicate: Callable[[Condition], sa.ColumnElement[bool]]) -> None:
        self._table = table
        self._predicate = predicate

    def column(self, field: Field) -> Column:
        """The column as it is stored; ids, enumerations and PostgreSQL's text without case as plain text."""
        column = self._table.c.get(field.name)
        if column is None:
            sentence = f"The table has no column {shown(field.name)}."
            raise RuleError([Fault("unknown_column", "$", sentence, "Compile the rule again.")])
        if isinstance(column.type, sa.Uuid | sa.Enum) or getattr(column.type, "__visit_name__", "") == "CITEXT":
            return sa.cast(column, sa.Text)
        if field.kind == "text":
            return elements.Exact(sa.cast(column, sa.Text) if isinstance(column.type, sa.CHAR) else column)
        if field.kind == "other" and not isinstance(column.type, sa.JSON):
            return sa.type_coerce(column, sa.types.NullType())  # is only compared with NULL, which some types disallow
        return elements.moment(column) if field.kind == "datetime" else column

    def expression(self, value: Value | None, *, operand: bool = False) -> Column:
        """Any value, NULL where it is blank; as an `operand` of arithmetic beyond what is ordinary as well."""
        match value:
            case None:
                return sa.null()
            case Field() if value.kind == "number":
                column = self.column(value)
                return _ordinary(column) if operand else _as_double(column)
            case Field():
                return self.column(value)
            case Constant():
                return bound(value.value, _TYPES[type(value.value)]) if value.kind != "number" else _double(value)
            case Calculation():
                return self._calculation(value)
            case Joined():
                parts = [sa.func.coalesce(self.expression(part), bound("", sa.UnicodeText())) for part in value.parts]
                return _chain(lambda left, right: left.concat(right), parts) if parts else bound("", sa.UnicodeText())
            case Part():
                return self._part(value)
            case Choice():
                cases = [(self._predicate(when), self.expression(then, operand=operand)) for when, then in value.cases]
                return sa.case(*cases, else_=self.expression(value.otherwise, operand=operand))

    def _calculation(self, value: Calculation) -> Column:
        operands = [self.expression(operand, operand=True) for operand in value.operands]
        match value.operator:
            case "+":
                return _chain(lambda left, right: left + right, operands)
            case "-" if len(operands) == 1:
                return -operands[0]
            case "-":
                return _chain(lambda left, right: left - right, operands)
            case "*":
                return _chain(lambda left, right: left * right, operands)
            case "/":
                return _divide(*operands)
            case "%":
                return self._remainder(value, *operands)
            case name if len(operands) > 1:
                filled = sa.and_(*(operand.is_not(None) for operand in operands))
                extreme = elements.Least if name == "min" else elements.Greatest
                return sa.case((filled, extreme(*operands)))
            case _:
                return operands[0]

    def _remainder(self, value: Calculation, left: Column, right: Column) -> Column:
        divisor = _not_zero(right)
        if all(map(self._is_whole, value.operands)):
            return elements.WholeRemainder(left, divisor)
        quotient = sa.func.abs(_divide(left, right), type_=sa.Double())
        return sa.case((quotient < bound(LARGEST_QUOTIENT, WrittenDouble()), elements.Remainder(left, divisor)))

    def _is_whole(self, value: Value | None) -> bool:
        """Whether a value can only be a whole number or blank."""
        match value:
            case Field():
                return is_whole(self.column(value).type)
            case Constant():
                return float(value.number).is_integer()
            case Choice():
                return all(map(self._is_whole, (*(then for _, then in value.cases), value.otherwise)))
            case _:
                return value is None

    def _part(self, value: Part) -> Column:
        text = self.expression(value.text)
        if value.start >= 0:
            rest = elements.Substring(text, bound(value.start + 1, sa.Integer()))
        else:
            beyond = elements.Length(text) + value.start
            rest = elements.Substring(text, sa.case((beyond < 0, 1), else_=beyond + 1))
        if value.length is None:
            return rest
        if value.length >= 0:
            return elements.Substring(rest, _ONE, bound(value.length, sa.Integer()))
        remaining = elements.Length(rest) + value.length
        return elements.Substring(rest, _ONE, sa.case((remaining < 0, 0), else_=remaining))


_TYPES: dict[type, sa.types.TypeEngine[Any]] = {str: sa.UnicodeText(), bool: sa.Boolean()}


def _double(value: Constant) -> Column:
    return bound(float(value.number), WrittenDouble())


def _chain(step: Callable[[Column, Column], Column], operands: Sequence[Column]) -> Column:
    result = operands[0]
    for operand in operands[1:]:
        result = step(result, operand)
    return result


def _divide(left: Column, right: Column) -> Column:
    return sa.type_coerce(left, sa.Double()) / sa.type_coerce(_not_zero(right), sa.Double())


def _not_zero(number: Column) -> Column:
    return sa.func.nullif(number, bound(0.0, sa.Double()))


def _as_double(column: Column) -> Column:
    double = elements.as_double(column)
    guard = elements.not_nan(column)
    return double if guard is None else sa.case((guard, double))


def _ordinary(column: Column) -> Column:
    """The column as a double, NULL beyond what is ordinary (NaN too) and 0 next to 0."""
    double = elements.as_double(column)
    within = column.between(_limit(-LARGEST_OPERAND, column), _limit(LARGEST_OPERAND, column))
    if is_whole(column.type):
        return sa.case((within, double))
    tiny = sa.and_(column > _limit(-SMALLEST_OPERAND, column), column < _limit(SMALLEST_OPERAND, column))
    return sa.case((tiny, bound(0.0, sa.Double())), (within, double))


def _limit(limit: float, column: Column) -> Column:
    return number_parameter(int(limit), column.type) if is_whole(column.type) else bound(limit, WrittenDouble())
