"""Training rows, read: what customers were like, and what happened next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import sqlalchemy as sa

from loyalty_core.warehouse.history.find import find_history
from loyalty_core.warehouse.history.table import ARM_SEPARATOR, CHANNEL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from loyalty_core.warehouse.connection import Warehouse
    from loyalty_core.warehouse.history.find import FeatureMapping
    from loyalty_core.warehouse.history.table import HistoryTable

_YES = ("1", "1.0", "true", "t", "yes", "y")


@dataclass(frozen=True)
class History:
    """Labelled rows in an order that depends on their values alone.

    `features` has a column per mapped feature, `dates` are days; `dates` and `customers` are None when the
    history has no such column. `source` is the table, or the setting that holds the query. `since_ignored` and
    `until_ignored` are true when a first or last day was asked for and there is nothing to apply it to. `channels`
    counts the rows of those who were contacted by channel, where the history says who was, and by what.
    """

    source: str
    features: pa.Table
    labels: pa.Array
    dates: pa.Array | None
    customers: pa.Array | None
    since_ignored: bool = False
    until_ignored: bool = False
    channels: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)


def read_history(
    warehouse: Warehouse,
    table: HistoryTable,
    mapping: FeatureMapping,
    *,
    since: date | None = None,
    until: date | None = None,
    most_rows: int = 1_000_000,
    share: float = 1.0,
    channel: str | None = None,
    on_rows: Callable[[int], None] = lambda _: None,
) -> History:
    """The labelled rows of `find_history`; see there for the errors.

    `since` and `until` are the first and the last day. Of a history of contacts, `channel` reads only the
    rows with that channel or with none. `share` (0-1) reads only the rows of so many customers, and `on_rows` gets the
    number of rows read so far. Of more than `most_rows` rows the newest are taken.
    """
    found = find_history(warehouse, table, mapping, since)
    names = found.features.values()
    select = sa.select(*(found.rows.c[name].label(f"feature_{index}") for index, name in enumerate(names)))
    select = select.add_columns(found.label.label("label")).where(found.label.is_not(None))
    select = found.sample(found.within(select, since, until), share)
    if found.channel is not None:
        select = select.add_columns(sa.cast(found.channel, sa.Text).label(CHANNEL))
        if channel is not None:
            select = select.where(sa.or_(found.channel.is_(None), found.channel == channel))
    if found.customer is not None:
        select = select.add_columns(found.customer.label("customer"))
    if found.day is not None:
        select = select.add_columns(found.day.label("day")).order_by(found.day.desc())
    read = _in_fixed_order(warehouse, select.limit(most_rows), on_rows)
    return History(
        source=found.source,
        features=read.select(range(len(names))).rename_columns(list(found.features)),
        labels=_column(read, "label"),
        dates=_column(read, "day") if found.day is not None else None,
        customers=_column(read, "customer") if found.customer is not None else None,
        since_ignored=since is not None and not found.takes_since,
        until_ignored=until is not None and found.day is None,
        channels=_contacted(read) if found.channel is not None else {},
    )


def _in_fixed_order(warehouse: Warehouse, select: sa.Select, on_rows: Callable[[int], None]) -> pa.Table:
    """Databases promise no order of rows, and the same rows must train the same model."""
    batches: list[pa.RecordBatch] = []
    rows = 0
    for batch in warehouse.stream_arrow(select):
        batches.append(batch)
        rows += batch.num_rows
        on_rows(rows)
    table = pa.Table.from_batches(batches)
    leading = [name for name in ("day", "customer", "label") if name in table.column_names]
    others = [name for name in table.column_names if name not in leading]
    return table.sort_by([(name, "ascending") for name in (*leading, *others)])


def _contacted(table: pa.Table) -> dict[str, int]:
    """Rows by channel of those who were contacted; without those who have no channel."""
    counted = table.group_by(["label", CHANNEL]).aggregate([([], "count_all")]).to_pylist()
    contacted: dict[str, int] = {}
    for row in counted:
        arm = str(row["label"]).partition(ARM_SEPARATOR)[0].lower()
        if arm in _YES and row[CHANNEL] is not None:
            contacted[row[CHANNEL]] = contacted.get(row[CHANNEL], 0) + row["count_all"]
    return dict(sorted(contacted.items()))


def _column(table: pa.Table, name: str) -> pa.Array:
    return table[name].combine_chunks()
