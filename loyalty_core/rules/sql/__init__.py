"""A bound rule as SQL."""

from loyalty_core.rules.sql.predicates import to_predicate
from loyalty_core.rules.sql.writing import WRITTEN_FOR

__all__ = ["WRITTEN_FOR", "to_predicate"]
