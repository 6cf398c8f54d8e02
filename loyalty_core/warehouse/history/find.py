"""Where a history is: its rows, and the columns of them that a model learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.errors import DataError
from loyalty_core.warehouse.history.month_left import month_left
from loyalty_core.warehouse.history.source import rows_of_query, rows_of_table
from loyalty_core.warehouse.history.table import ARM_SEPARATOR, CHANNEL, HistoryMissing
from loyalty_core.warehouse.history.taken_offers import FLAG, OUTCOME, with_outcome
from loyalty_core.warehouse.mapping import required_columns

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from loyalty_core.warehouse.connection import Warehouse
    from loyalty_core.warehouse.history.table import HistoryTable

    FeatureMapping = Mapping[str, str | list[str]]

_HASH_DIGITS = 6


@dataclass(frozen=True)
class HistoryRows:
    """Where a history is read: `features` are feature → column of `rows`, `label` and the others columns.

    `day`, `customer` and, of a history of contacts, `channel` are None where there is no such column. `takes_since` is
    false where a start date has nothing to apply to.
    """

    table: HistoryTable
    source: str
    rows: sa.FromClause
    features: Mapping[str, str]
    label: sa.ColumnElement[Any]
    day: sa.ColumnElement[Any] | None
    customer: sa.ColumnElement[Any] | None
    takes_since: bool
    channel: sa.ColumnElement[Any] | None = None

    def within(self, select: sa.Select, since: date | None, until: date | None = None) -> sa.Select:
        """Only rows from one day to another, both included; a query may have left out older ones itself."""
        if since and self.day is not None:
            select = select.where(self.day >= since)
        return select.where(self.day <= until) if until and self.day is not None else select

    def sample(self, select: sa.Select, share: float) -> sa.Select:
        """All rows of about this share of the customers, the same ones each time; every row without ids."""
        if share >= 1 or self.customer is None:
            return select
        bound = f"{int(share * 16**_HASH_DIGITS):0{_HASH_DIGITS}x}"
        return select.where(sa.func.md5(sa.cast(self.customer, sa.Text)) < bound)


def find_history(
    warehouse: Warehouse, table: HistoryTable, mapping: FeatureMapping, since: date | None = None
) -> HistoryRows:
    """The history table, or the query in the settings with `since` as :start_date.

    `mapping` names the features to find. Raises `MappingError` where one is missing, `HistoryMissing` without the
    table, `DataError` without the label column, `SettingsError` for a query that cannot run, and `NeedsEveryCustomer`
    for a viewer with a scope: who was in it at the time is not known.
    """
    warehouse.require_every_customer("The figures of the history")
    settings, warehouse = warehouse.settings, warehouse.unmasked
    query = table.query(settings)
    source = table.query_setting if query else table.table
    rows = rows_of_query(warehouse, table, query, since) if query else rows_of_table(warehouse, table)
    names = [column.name for column in rows.columns]
    label, day, customer = (_named(name, names) for name in (table.label, table.date, settings.dwh_customer_id_column))
    if table.followed_until and (label is None or day is None):
        raise HistoryMissing(
            f"{source} has no column {table.date if label else table.label}, so how soon customers leave is not known.",
            remedy="Add the day of each row, and the day on which the customer left (docs/churn-timing.md).",
        )
    features = required_columns(mapping, names, source)
    if label is None:
        raise _column_missing(source, table.label, "what happened")
    treatment = _named(table.treatment, names)
    if table.treatment and treatment is None:
        raise _column_missing(source, table.treatment, "who was contacted")
    if table.taken:
        rows = with_outcome(rows, table.taken, rows.c[label], day, _named(FLAG, names))
        label = OUTCOME
    happened: sa.ColumnElement[Any] = rows.c[label]
    if table.followed_until and day is not None:
        happened = month_left(rows, happened, day, _named(table.followed_until, names))
    if treatment is not None:
        happened = sa.cast(rows.c[treatment], sa.String) + ARM_SEPARATOR + sa.cast(happened, sa.String)
    return HistoryRows(
        table=table,
        source=source,
        rows=rows,
        features=features,
        label=happened,
        day=sa.cast(rows.c[day], sa.Date) if day else None,
        customer=rows.c[customer] if customer else None,
        takes_since=day is not None or (query is not None and ":start_date" in query),
        channel=rows.c[channel] if treatment and (channel := _named(CHANNEL, names)) else None,
    )


def _column_missing(source: str, column: str, what: str) -> DataError:
    return DataError(
        f"{source} has no column {column!r}, which says {what}.",
        remedy="Add it (docs/dwh-integration.md shows the tables), or name it so in a query in the settings.",
    )


def _named(wanted: str, names: list[str]) -> str | None:
    return next((name for name in names if name.casefold() == wanted.casefold()), None)
