"""Whether the two readings of a rule, SQL for the base and Python for one customer, say the same of a sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from loyalty_core.rules import Rule
    from loyalty_core.warehouse import Warehouse

_ANSWER = "answer_of_sql"


@dataclass(frozen=True)
class Agreement:
    """Of `checked` customers, `members` of them by SQL, `agreed` get the same answer from both readings."""

    checked: int
    members: int
    agreed: int

    @property
    def is_full(self) -> bool:
        """Whether the readings never differed."""
        return self.agreed == self.checked


def agreement(warehouse: Warehouse, relation: sa.FromClause, rule: Rule, sample: int) -> Agreement:
    """Ask both readings about up to `sample` customers, half of them members where there are as many."""
    answer = rule.to_sql(relation)
    columns = [warehouse.dialect.readable(relation.c[name]).label(name) for name in rule.columns]
    asked = sa.select(*columns, answer.label(_ANSWER)).select_from(relation)
    inside = asked.where(answer).limit(sample - sample // 2).subquery("inside")
    outside = asked.where(sa.not_(answer)).limit(sample // 2).subquery("outside")
    rows = warehouse.rows(sa.union_all(inside.select(), outside.select()))
    agreed = sum(rule.matches(row) == bool(row[_ANSWER]) for row in rows)
    return Agreement(len(rows), sum(bool(row[_ANSWER]) for row in rows), agreed)
