"""A bound rule as SQL."""

from loyalty_core.rules.sql.elements import WRITTEN_FOR
from loyalty_core.rules.sql.predicates import to_predicate

__all__ = ["WRITTEN_FOR", "to_predicate"]
