"""How segments share their customers: every combination counted in one pass over the base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from loyalty_core.segments.errors import BadSegment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loyalty_core.rules import Rule
    from loyalty_core.warehouse import Warehouse

MAX_SEGMENTS = 6
_PER_STATEMENT = 50


@dataclass(frozen=True)
class Combination:
    """Customers who are in exactly these of the segments compared, in none of the others."""

    members_of: tuple[str, ...]
    customers: int


@dataclass(frozen=True)
class Overlap:
    """`combinations` sum up to the base, the largest first; customers in none of the segments have an empty one."""

    combinations: tuple[Combination, ...]

    def size(self, *names: str) -> int:
        """Customers who are in all of the named segments."""
        return sum(one.customers for one in self.combinations if set(names) <= set(one.members_of))

    def similarity(self, left: str, right: str) -> float:
        """Jaccard index: customers in both by customers in either, 0 to 1."""
        both = self.size(left, right)
        either = self.size(left) + self.size(right) - both
        return both / either if either else 0.0


@dataclass(frozen=True)
class Similar:
    """A saved segment with nearly the same customers; `similarity` is the Jaccard index (0–1)."""

    segment_id: str
    similarity: float
    both: int


def overlap(warehouse: Warehouse, relation: sa.FromClause, rules: Mapping[str, Rule]) -> Overlap:
    """Count every combination of up to six rules; raises `BadSegment` for more."""
    if len(rules) > MAX_SEGMENTS:
        raise BadSegment(f"{len(rules)} segments are too many to compare.", remedy=f"Choose up to {MAX_SEGMENTS}.")
    names = tuple(rules)
    flags = [
        sa.case((rule.to_sql(relation, where=True), 1), else_=0).label(f"in_{i}")
        for i, rule in enumerate(rules.values())
    ]
    # A constant beside them, since a SELECT of nothing has no rows to count.
    asked = sa.select(sa.literal_column("1").label("one"), *flags).select_from(relation).subquery("asked")
    answers = [asked.c[flag.name] for flag in flags]
    counted = sa.select(*answers, sa.func.count().label("customers")).select_from(asked).group_by(*answers)
    found = [
        Combination(tuple(name for i, name in enumerate(names) if row[f"in_{i}"]), row["customers"])
        for row in warehouse.rows(counted)
    ]
    return Overlap(tuple(sorted(found, key=lambda one: -one.customers)))


def most_similar(
    warehouse: Warehouse, relation: sa.FromClause, rule: Rule, others: Mapping[str, Rule], at_least: float
) -> tuple[Similar, ...]:
    """Those of the segments, rules by id, whose customers are nearly the same, most similar first."""
    found: list[Similar] = []
    ids = list(others)
    for start in range(0, len(ids), _PER_STATEMENT):
        part = {one: others[one] for one in ids[start : start + _PER_STATEMENT]}
        found += _similar(warehouse, relation, rule, part)
    return tuple(sorted((one for one in found if one.similarity >= at_least), key=lambda one: -one.similarity))


def _similar(
    warehouse: Warehouse, relation: sa.FromClause, rule: Rule, others: Mapping[str, Rule]
) -> Sequence[Similar]:
    predicates = [other.to_sql(relation) for other in others.values()]
    answers = [rule.to_sql(relation).label("member"), *(p.label(f"in_{i}") for i, p in enumerate(predicates))]
    asked = sa.select(*answers).select_from(relation).subquery("asked")
    member = asked.c.member
    figures = []
    for i in range(len(predicates)):
        other = asked.c[f"in_{i}"]
        figures.append(sa.func.count(sa.case((sa.and_(member, other), 1))).label(f"both_{i}"))
        figures.append(sa.func.count(sa.case((sa.or_(member, other), 1))).label(f"either_{i}"))
    row = warehouse.rows(sa.select(*figures))[0]
    return [
        Similar(segment_id, row[f"both_{i}"] / row[f"either_{i}"] if row[f"either_{i}"] else 0.0, row[f"both_{i}"])
        for i, segment_id in enumerate(others)
    ]
