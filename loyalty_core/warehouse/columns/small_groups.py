"""Statistics of columns for viewers who see no small groups of customers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.warehouse.columns.catalog import Catalog, Column


def without_small_groups(catalog: Catalog, smallest: int) -> Catalog:
    """The catalog without what fewer than `smallest` customers have, and without what would tell it.

    Smallest and largest values may be those of one customer.
    """
    customers = catalog.customers or 0
    if customers < smallest:
        columns = (without_statistics(column) for column in catalog.columns)
        return replace(catalog, customers=None, columns=tuple(columns))
    return replace(catalog, columns=tuple(of_large_groups(one, customers, smallest) for one in catalog.columns))


def of_large_groups(column: Column, customers: int, smallest: int) -> Column:
    """The column with those statistics that are about at least `smallest` of the customers, or about nobody."""
    if column.blanks is None:
        return without_statistics(column)
    blank = round(column.blanks * customers)
    is_shown = all(count == 0 or count >= smallest for count in (blank, customers - blank))
    counts = dict(column.top_values)
    shown = large_groups(counts, customers - blank, smallest) if is_shown else {}
    return replace(
        without_statistics(column),
        blanks=column.blanks if is_shown else None,
        top_values=tuple((value, count) for value, count in column.top_values if value in shown),
    )


def large_groups(counts: Mapping[Any, int], total: int, smallest: int) -> dict[Any, int]:
    """The groups of at least `smallest`; fewer if the hidden ones could be inferred from the total."""
    shown = {value: count for value, count in counts.items() if count >= smallest}
    while shown and 0 < total - sum(shown.values()) < smallest:
        del shown[min(shown, key=lambda value: shown[value])]
    return shown


def without_statistics(column: Column) -> Column:
    """The column as it is known without a look at its values."""
    return replace(column, blanks=None, out_of_range=0, minimum=None, maximum=None, top_values=(), different=None)
