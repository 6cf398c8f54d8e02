"""Which customers in scope a churn figure counts: rules that select them, and pages of them by expected loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.analytics.churn.figures import number
from loyalty_core.analytics.scope import condition
from loyalty_core.warehouse.columns import filled

if TYPE_CHECKING:
    from loyalty_core.analytics.scope import ScopedBase
    from loyalty_core.ml.tasks import Risk
    from loyalty_core.warehouse.connection import Row


def threshold_rule(base: ScopedBase, threshold: float) -> Any:
    """The rule of the customers in scope at or above a probability."""
    return base.scope.rule_with(condition(">=", base.field("churn_probability"), threshold))


def loss_rule(base: ScopedBase, value_column: str, lowest: float) -> Any:
    """The rule of the customers in scope whose probability times value is at least `lowest`."""
    loss = {"*": [{"var": base.field("churn_probability")}, {"var": value_column}]}
    return base.scope.rule_with({">=": [loss, lowest]})


def risk_rule(base: ScopedBase, risk: Risk) -> Any:
    """The rule of the customers in scope with this risk."""
    return base.scope.rule_with(condition("==", base.field("churn_risk"), risk))


def customers_by_loss(
    base: ScopedBase, value_column: str | None, fields: tuple[str, ...], risk: Risk | None, limit: int, offset: int
) -> list[Row]:
    """One page of scored customers by descending expected loss, or by probability without a value column.

    Each row has `fields` of the features view, and `p`, `risk`, `value`, `loss`, `rfm_recency`, `rfm_frequency`,
    `rfm_monetary` and `rfm_segment`. Blank losses come last.
    """
    scores = {f"rfm_{name}": base.field(name) for name in ("recency", "frequency", "monetary")}
    scores["rfm_segment"] = base.field("rfm_segment")
    p, word = base.field("churn_probability"), base.field("churn_risk")
    wanted = [*fields, *scores.values(), p, word, *([value_column] if value_column else [])]
    customers = base.customers(*wanted)
    value = number(customers.c[value_column]) if value_column else sa.null()
    probability = filled(customers.c[p])
    loss = probability * value if value_column else probability
    page = sa.select(
        *(customers.c[name] for name in fields),
        *(customers.c[name].label(score) for score, name in scores.items()),
        probability.label("p"),
        customers.c[word].label("risk"),
        value.label("value"),
        (loss if value_column else sa.null()).label("loss"),
    ).where(probability.is_not(None))
    if risk is not None:
        page = page.where(customers.c[word] == risk)
    identifier = customers.c[base.warehouse.customer_id.name]
    return base.rows(page.order_by(loss.desc().nulls_last(), identifier).limit(limit).offset(offset))
