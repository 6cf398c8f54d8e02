"""SQL that each database writes in its own way: NaN, membership in long lists, text search, order of letters.

An element holds its operands; `loyalty_core.rules.sql.writing` writes it for the database that the statement is for.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.sql import operators
from sqlalchemy.sql.functions import FunctionElement

from loyalty_core.rules.sql.types import NotFinite, WholeNumber

if TYPE_CHECKING:
    from collections.abc import Collection

# Above this many members DuckDB is slower with a parameter for each than with one array.
_MAX_PARAMETERS = 200
_NAN = float("nan")


def bound(value: Any, kind: sa.types.TypeEngine[Any]) -> sa.BindParameter[Any]:
    """A typed parameter whose name does not come from the column's, which may hold any character."""
    return sa.bindparam("rule", value, type_=kind, unique=True, literal_execute=isinstance(kind, WholeNumber))


class DialectElement(FunctionElement[Any]):
    """What a method of `SqlDialect`, named by `hook`, writes from the operands."""

    inherit_cache = True
    hook: ClassVar[str] = ""


class BooleanElement(FunctionElement[bool]):
    """A condition of our own; without this SQLAlchemy takes it for a value and writes `= 1` after it."""

    type = sa.Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """The condition as it is: what it compiles to has brackets of its own."""
        del against
        return self

    @property
    def negation_clause(  # pyright: ignore[reportIncompatibleVariableOverride]
        self,
    ) -> sa.ColumnElement[bool]:
        """The opposite, asked for by `not_`."""
        return sa.UnaryExpression(self, operator=operators.inv, type_=sa.Boolean())


class NotNan(BooleanElement):
    """Whether a number is no NaN, which the databases that store it put above infinity: (number, limit)."""

    inherit_cache = True


class Among(BooleanElement):
    """Membership in a long list: (array form, JSON form, plain form)."""

    inherit_cache = True


class JsonNull(BooleanElement):
    """Whether a JSON value is JSON's null, which drivers give as the same as no value."""

    inherit_cache = True


class InBrackets(BooleanElement):
    """A test that SQLAlchemy does not take apart to flatten it."""

    inherit_cache = True


class Same(BooleanElement):
    """Equal, or both NULL."""

    inherit_cache = True


class Search(BooleanElement):
    """A text and what it has to contain, start with or end with."""

    inherit_cache = True
    hook: ClassVar[str] = ""


class Contains(Search):
    inherit_cache = True
    hook = "contains"


class StartsWith(Search):
    inherit_cache = True
    hook = "starts_with"


class EndsWith(Search):
    inherit_cache = True
    hook = "ends_with"


class Collated(FunctionElement[str]):
    """A text in a collation that the rule chooses, not the column."""

    type = sa.Text()
    inherit_cache = True
    hook: ClassVar[str] = ""


class ByCodePoint(Collated):
    """A text that is ordered and compared by code points."""

    inherit_cache = True
    hook = "by_code_point"


class Exact(Collated):
    """A text column, case-sensitive on databases that ignore case by default."""

    inherit_cache = True
    hook = "exact"


class Length(DialectElement):
    type = sa.Integer()
    inherit_cache = True
    hook = "length"


class Substring(DialectElement):
    """(text, start) or (text, start, length)."""

    type = sa.Text()
    inherit_cache = True
    hook = "substring"


class Moment(FunctionElement[Any]):
    """A column of times; its type is that of the column."""

    inherit_cache = True


class AsDouble(FunctionElement[float]):
    type = sa.Double()
    inherit_cache = True


class _Number(DialectElement):
    type = sa.Double()
    inherit_cache = True


class Remainder(_Number):
    inherit_cache = True
    hook = "remainder"


class WholeRemainder(_Number):
    inherit_cache = True
    hook = "whole_remainder"


class Least(_Number):
    inherit_cache = True
    hook = "least"


class Greatest(_Number):
    inherit_cache = True
    hook = "greatest"


def not_nan(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool] | None:
    """A test that leaves out NaN; None where the column's type has none."""
    if isinstance(column.type, sa.Float):
        return NotNan(column, bound(float("inf"), NotFinite()))
    if isinstance(column.type, sa.Numeric):
        return NotNan(column, bound(_NAN, NotFinite()))
    return None


def among(
    column: sa.ColumnElement[Any], members: Collection[Any], kind: sa.types.TypeEngine[Any]
) -> sa.ColumnElement[bool]:
    """Whether the column is one of the members, which have the type `kind`; NULL for NULL."""
    written = isinstance(kind, WholeNumber)
    listed = sa.bindparam("rule", list(members), type_=kind, unique=True, expanding=True, literal_execute=written)
    plain = column.in_(listed)
    if written or len(members) <= _MAX_PARAMETERS:
        return plain
    array = column == sa.any_(bound(list(members), sa.ARRAY(kind)))
    text = json.dumps([_as_sqlite_stores_it(member) for member in members])
    values = sa.func.json_each(bound(text, sa.Text())).table_valued("value")
    return Among(array, column.in_(sa.select(values.c.value)), plain)


def moment(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A column of times as it compares with a time."""
    element = Moment(column)
    element.type = column.type
    return element


def by_code_point(text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The text in an order that does not depend on the database's language."""
    return ByCodePoint(*text.clauses) if isinstance(text, Exact) else ByCodePoint(text)


def as_double(number: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A number as a double."""
    return number if isinstance(number.type, sa.Double) else AsDouble(number)


def _as_sqlite_stores_it(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value
