"""Where churn gathers: the risk by tier, region and tenure, and a sample of customers whose drivers represent all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.warehouse.columns import filled

if TYPE_CHECKING:
    from loyalty_core.analytics.scope import ScopedBase

YEAR = 365
# Ranges of tenure start at these days; each reaches to the next.
TENURE_STARTS = (0, 90, 180, YEAR, 2 * YEAR, 3 * YEAR, 5 * YEAR)
_HASH_DIGITS = 8
# So many more than wanted pass the first sieve that hardly ever too few remain.
_SPARE = 2


@dataclass(frozen=True)
class RiskByValue:
    """The scored customers in scope who share a value, None for a blank one.

    `mean` is their mean probability, `high` the share of them with a high risk (both 0-1).
    """

    value: Any
    customers: int
    mean: float
    high: float


def risk_by_category(base: ScopedBase, column: str, most: int) -> list[RiskByValue]:
    """The `most` values with the most customers, highest mean probability first."""
    customers = _scored(base, column)
    counted = _counted(customers, customers.c.value).order_by(sa.func.count().desc(), customers.c.value).limit(most)
    found = [RiskByValue(**row) for row in base.rows(counted)]
    return sorted(found, key=lambda group: -group.mean)


def risk_by_tenure(base: ScopedBase, column: str, today: date | None = None) -> list[RiskByValue]:
    """By ranges of tenure, shortest first; the value is the range's position in `TENURE_STARTS`.

    The column holds days, or the date on which a customer joined, which is then counted up to `today`.
    """
    customers = _scored(base, column)
    position = _tenure_position(customers.c.value, today)
    rows = base.rows(_counted(customers, position))
    return sorted((RiskByValue(**row) for row in rows), key=lambda group: (group.value is None, group.value or 0))


def sample_ids(base: ScopedBase, customers: int, size: int) -> list[Any]:
    """About `size` ids of the `customers` scored ones in scope: the same ones each time, and spread as by chance.

    Ids are taken in the order of their MD5; a first sieve on its leading digits saves sorting all of them.
    """
    identifier, p = base.warehouse.customer_id.name, base.field("churn_probability")
    members = base.customers(identifier, p)
    mixed = sa.func.md5(sa.cast(members.c[identifier], sa.Text))
    wanted = sa.select(members.c[identifier].label("id")).where(filled(members.c[p]).is_not(None))
    if customers > _SPARE * size:
        bound = _SPARE * size * 16**_HASH_DIGITS // customers
        wanted = wanted.where(mixed < f"{bound:0{_HASH_DIGITS}x}")
    return [row["id"] for row in base.rows(wanted.order_by(mixed).limit(size))]


def tenure_range(position: int) -> tuple[int, int | None]:
    """First day and the day before which a range ends, None for the last."""
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
    """Customers, mean probability and share at high risk by an expression over `_scored`."""
    at_high_risk = sa.case((customers.c.risk == "high", 1.0), else_=0.0)
    return sa.select(
        value.label("value"),
        sa.func.count().label("customers"),
        sa.func.avg(customers.c.p).label("mean"),
        sa.func.avg(sa.cast(at_high_risk, sa.Double)).label("high"),
    ).group_by(value)


def _tenure_position(value: sa.ColumnElement[Any], today: date | None) -> sa.ColumnElement[Any]:
    """The range that a tenure in days, or a date of joining, falls into; before the first day it is the first."""
    longest_first = list(enumerate(TENURE_STARTS))[:0:-1]
    if today is not None and isinstance(value.type, sa.Date | sa.DateTime):
        reached = [(value <= today - timedelta(days=start), position) for position, start in longest_first]
    else:
        reached = [(value >= start, position) for position, start in longest_first]
    return sa.case(*reached, (value.is_not(None), 0))
