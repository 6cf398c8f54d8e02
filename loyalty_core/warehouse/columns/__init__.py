"""The columns of the features view: what is in them and what they mean."""

from loyalty_core.warehouse.columns.blanks import filled
from loyalty_core.warehouse.columns.catalog import Catalog, Column, Kind, as_compared, describe, kind_of, read_catalog
from loyalty_core.warehouse.columns.distribution import (
    Histogram,
    customers_by_month,
    histogram,
    histograms,
    percentile_ranks,
    quantile,
)
from loyalty_core.warehouse.columns.labels import GROUP_ORDER, group_of, label_of, unit_of
from loyalty_core.warehouse.columns.personal import MASK, personal_columns, without_values
from loyalty_core.warehouse.columns.roles import Role, column_for, folded, is_money
from loyalty_core.warehouse.columns.small_groups import large_groups, of_large_groups, without_small_groups
from loyalty_core.warehouse.columns.value_counts import Counted, value_counts

__all__ = [
    "GROUP_ORDER",
    "MASK",
    "Catalog",
    "Column",
    "Counted",
    "Histogram",
    "Kind",
    "Role",
    "as_compared",
    "column_for",
    "customers_by_month",
    "describe",
    "filled",
    "folded",
    "group_of",
    "histogram",
    "histograms",
    "is_money",
    "kind_of",
    "label_of",
    "large_groups",
    "of_large_groups",
    "percentile_ranks",
    "personal_columns",
    "quantile",
    "read_catalog",
    "unit_of",
    "value_counts",
    "without_small_groups",
    "without_values",
]
