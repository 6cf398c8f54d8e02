"""Whom it pays to contact by what contact changes: customers by expected gain, which is uplift times worth.

Contacting a customer with uplift u, who is worth v if they convert, brings u·v - c on average. That is the budget of
`budget` with u in the place of p·s, so the bins are the same, with a save rate of 1. Customers with a negative uplift,
whom contact would lose, are left out and counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.analytics.churn.budget import LossBin, Terms
from loyalty_core.analytics.churn.figures import loss_position, number
from loyalty_core.analytics.scope import condition
from loyalty_core.ml.tasks import UPLIFT
from loyalty_core.warehouse.columns import filled

if TYPE_CHECKING:
    from loyalty_core.analytics.scope import ScopedBase


@dataclass(frozen=True)
class ContactGains:
    """`bins` are by expected gain, highest first; `harmed` have a negative uplift, `unscored` none."""

    bins: tuple[LossBin, ...]
    harmed: int
    unscored: int


def has_uplift(base: ScopedBase) -> bool:
    """Whether the last scoring run has an uplift for anybody."""
    field = base.column(base.field(UPLIFT.score_column))
    return field is not None and (field.blanks is None or field.blanks < 1)


def gain_terms(cost: float) -> Terms:
    """The terms of a contact whose effect is the uplift itself."""
    return Terms(cost, 1.0)


def read_gains(base: ScopedBase, value_column: str | None, amount: float = 1.0) -> ContactGains:
    """Customers by uplift times value, in bins one per cent wide; one statement.

    The value is that of the column, blank as 0, or without a column `amount` for everybody.
    """
    uplift = base.field(UPLIFT.score_column)
    customers = base.customers(uplift, *([value_column] if value_column else []))
    worth = sa.func.coalesce(number(customers.c[value_column]), 0.0) if value_column else sa.literal(amount, sa.Double)
    change = sa.cast(filled(customers.c[uplift]), sa.Double)
    scored = sa.select(change.label("uplift"), worth.label("value"), (change * worth).label("gain")).subquery("scored")
    own = scored.c
    # Grouped by columns, not by expressions: a database may not see that two of them are the same.
    grouped = sa.select(
        own.uplift,
        own.value,
        own.gain,
        sa.case((own.uplift.is_(None), "unscored"), (own.uplift < 0, "harmed"), else_="bin").label("group"),
        sa.case((own.uplift >= 0, loss_position(own.gain))).label("position"),
    ).subquery("grouped")
    gain = grouped.c.gain
    rows = base.rows(
        sa.select(
            grouped.c.group,
            sa.func.min(gain).label("lowest"),
            sa.func.max(gain).label("highest"),
            sa.func.count().label("customers"),
            sa.func.sum(grouped.c.uplift).label("churners"),
            sa.func.sum(gain).label("loss"),
            sa.func.sum(gain * grouped.c.value).label("value_loss"),
            sa.func.sum(gain * gain).label("squared_loss"),
        ).group_by(grouped.c.group, grouped.c.position)
    )
    of_group = {name: [row for row in rows if row["group"] == name] for name in ("bin", "harmed", "unscored")}
    bins = (LossBin(**{key: value for key, value in row.items() if key != "group"}) for row in of_group["bin"])
    return ContactGains(
        tuple(sorted(bins, key=lambda one: -one.lowest)),
        sum(row["customers"] for row in of_group["harmed"]),
        sum(row["customers"] for row in of_group["unscored"]),
    )


def gain_rule(base: ScopedBase, value_column: str | None, lowest: float) -> Any:
    """The rule of the customers in scope whose uplift times value, or uplift, is at least `lowest`."""
    uplift = base.field(UPLIFT.score_column)
    if value_column is None:
        return base.scope.rule_with(condition(">=", uplift, lowest))
    helped = condition(">=", uplift, 0)
    return base.scope.rule_with(helped, {">=": [{"*": [{"var": uplift}, {"var": value_column}]}, lowest]})
