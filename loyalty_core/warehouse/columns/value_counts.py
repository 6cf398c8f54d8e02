"""Customers by value, of many columns of one relation in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loyalty_core.warehouse.dialects import Dialect


@dataclass(frozen=True)
class Counted:
    """Customers are counted by `key`, and shown with it is `value`; where the key is blank they are left out."""

    key: sa.ColumnElement[Any]
    value: sa.ColumnElement[Any]


def value_counts(
    dialect: Dialect,
    relation: sa.FromClause,
    counted: Sequence[Counted],
    members: sa.ColumnElement[bool] | None = None,
) -> sa.Select[Any] | sa.CompoundSelect[Any]:
    """`customers` by `position` in `counted` and `value`, and how many of them are `members`.

    Values must be of one type. The relation is read, and its parts joined, once, where the database has
    `Dialect.each_of`, and else once for each of them.
    """
    found = _together(dialect, relation, counted, members) if len(counted) > 1 else None
    if found is not None:
        return found
    return sa.union_all(*(_by_key(relation, one, place, members) for place, one in enumerate(counted)))


def _together(
    dialect: Dialect,
    relation: sa.FromClause,
    counted: Sequence[Counted],
    members: sa.ColumnElement[bool] | None,
) -> sa.Select[Any] | None:
    """The values are computed in a subquery: where Spark makes rows of them, it evaluates expressions very slowly."""
    values = [one.value.label(f"value_{place}") for place, one in enumerate(counted)]
    belongs = () if members is None else (members.label("belongs"),)
    computed = sa.select(*values, *belongs).select_from(relation).subquery("computed")
    together = dialect.each_of([computed.c[value.name] for value in values])
    if together is None:
        return None
    position, value = together.c.position, together.c.value
    counts = _counts(None if members is None else computed.c.belongs)
    # A function is beside the relation whose columns it reads; a subquery is joined with it.
    beside = (computed.join(together, sa.true()),) if isinstance(together, sa.Lateral) else (computed, together)
    rows = sa.select(position, value, *counts).select_from(*beside)
    return rows.where(value.is_not(None)).group_by(position, value)


def _by_key(
    relation: sa.FromClause, counted: Counted, place: int, members: sa.ColumnElement[bool] | None
) -> sa.Select[Any]:
    position, value = sa.literal_column(str(place)).label("position"), counted.value.label("value")
    key = value if counted.key is counted.value else counted.key
    rows = sa.select(position, value, *_counts(members)).select_from(relation)
    return rows.where(counted.key.is_not(None)).group_by(key)


def _counts(members: sa.ColumnElement[bool] | None) -> list[sa.ColumnElement[int]]:
    customers: sa.ColumnElement[int] = sa.func.count().label("customers")
    return [customers] if members is None else [customers, sa.func.count(sa.case((members, 1))).label("members")]
