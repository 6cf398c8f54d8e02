"""Trained networks written as SQL, so that the warehouse computes predictions where the data is."""

from loyalty_core.ml.in_sql.graph import NotInSql
from loyalty_core.ml.in_sql.predictions import ModelsInSql

__all__ = ["ModelsInSql", "NotInSql"]
