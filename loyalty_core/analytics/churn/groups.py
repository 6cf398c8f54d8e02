"""Churn by tier, region and tenure, and a sample of customers for computing mean drivers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.warehouse.columns import filled

if TYPE_CHECKING:
    from loyalty_core.analytics.scope import ScopedBase

YEAR = 365
# Tenure ranges start at these days; each extends to the next.
TENURE_STARTS = (0, 90, 180, YEAR, 2 * YEAR, 3 * YEAR, 5 * YEAR)
_HASH_DIGITS = 8
# The prefilter lets this many times the sample size pass, so that enough ids nearly always remain.
_OVERSAMPLING = 2


@dataclass(frozen=True)
class RiskByValue:
    """The scored customers in scope with one value, None for blank.

    `mean` is their mean probability, `high` the share with high risk (both 0-1).
    """

    value: Any
    customers: int
    mean: float
    high: float


def risk_by_category(base: ScopedBase, column: str, limit: int) -> list[RiskByValue]:
    """The `limit` most frequent values, highest mean probability first."""
    customers = _scored(base, column)
    counted = _counted(customers, customers.c.value).order_by(sa.func.count().desc(), customers.c.value).limit(limit)
    found = [RiskByValue(**row) for row in base.rows(counted)]
    return sorted(found, key=lambda group: -group.mean)


def risk_by_tenure(base: ScopedBase, column: str, today: date | None = None) -> list[RiskByValue]:
    """Risk by ranges of tenure, shortest first; the value is the range's index in `TENURE_STARTS`.

    The column contains days, or the date on which a customer joined; tenure is then counted up to `today`.
    """
    customers = _scored(base, column)
    position = _tenure_position(customers.c.value, today)
    rows = base.rows(_counted(customers, position))
    return sorted((RiskByValue(**row) for row in rows), key=lambda group: (group.value is None, group.value or 0))


def sample_ids(base: ScopedBase, customers: int, size: int) -> list[Any]:
    """A pseudo-random sample of about `size` ids of the `customers` scored customers in scope, the same every time.

    Ids are taken in the order of their MD5; a prefilter on its leading digits avoids sorting all of them.
    """
    identifier, p = base.warehouse.customer_id.name, base.field("churn_probability")
    members = base.customers(identifier, p)
    mixed = sa.func.md5(sa.cast(members.c[identifier], sa.Text))
    wanted = sa.select(members.c[identifier].label("id")).where(filled(members.c[p]).is_not(None))
    if customers > _OVERSAMPLING * size:
        bound = _OVERSAMPLING * size * 16**_HASH_DIGITS // customers
        wanted = wanted.where(mixed < f"{bound:0{_HASH_DIGITS}x}")
    return [row["id"] for row in base.rows(wanted.order_by(mixed).limit(size))]


def tenure_range(position: int) -> tuple[int, int | None]:
    """The first day of a range and the day before which it ends, None for the last range."""
    ends = (*TENURE_STARTS[1:], None)
    return TENURE_STARTS[position], ends[position]


def _scored(base: ScopedBase, column: str) -> sa.Subquery:
    p, risk = base.field("churn_probability"), base.field("churn_risk")
    customers = base.customers(column, p, risk)
    probability = filled(customers.c[p])
    return (
        sa.select(filled(customers.c[column]).label("value"), probability.label("p"), customers.c[risk].label("risk"))
        .where(probability.is_not(None))
        .subquery("scored")
    )


def _counted(customers: sa.Subquery, value: sa.ColumnElement[Any]) -> sa.Select:
    """Customers, mean probability and share with high risk, grouped by an expression over `_scored`."""
    at_high_risk = sa.case((customers.c.risk == "high", 1.0), else_=0.0)
    return sa.select(
        value.label("value"),
        sa.func.count().label("customers"),
        sa.func.avg(customers.c.p).label("mean"),
        sa.func.avg(sa.cast(at_high_risk, sa.Double)).label("high"),
    ).group_by(value)


def _tenure_position(value: sa.ColumnElement[Any], today: date | None) -> sa.ColumnElement[Any]:
    """The index of the range of a tenure in days or a joining date; negative tenures are in the first range."""
    longest_first = list(enumerate(TENURE_STARTS))[:0:-1]
    if today is not None and isinstance(value.type, sa.Date | sa.DateTime):
        reached = [(value <= today - timedelta(days=start), position) for position, start in longest_first]
    else:
        reached = [(value >= start, position) for position, start in longest_first]
    return sa.case(*reached, (value.is_not(None), 0))
