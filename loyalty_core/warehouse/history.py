"""Training rows: what customers were like, and what happened next, from the history table of a model.

Features have the names of the mapping, since a column may be named differently here and in the features view.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from loyalty_core.errors import DataError, SettingsError, ViewUnusable
from loyalty_core.settings import split_table_name
from loyalty_core.warehouse.mapping import required_columns
from loyalty_core.warehouse.taken_offers import FLAG, OUTCOME, with_outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from loyalty_core.settings import Settings
    from loyalty_core.warehouse.connection import Warehouse

    FeatureMapping = Mapping[str, str | list[str]]

_EARLIEST = date(1900, 1, 1)
_HASH_DIGITS = 6
ARM_SEPARATOR = "/"
_CHANNEL = "channel"
_YES = ("1", "1.0", "true", "t", "yes", "y")
# Whether a customer leaves within so many days; the months between them are what a label says.
HORIZON_DAYS = (30, 60, 90)


class HistoryMissing(ViewUnusable):
    """The warehouse has no such history table."""

    code = "history_missing"


@dataclass(frozen=True)
class HistoryTable:
    """Where a model's labelled rows are read: a table with columns for the label and the day.

    `query_setting` names the setting whose query, where there is one, is read instead; empty without such a setting.
    `taken` says how a label that names what was taken is read: "what" was taken, so that rows without it have no label,
    or "whether" anything was.
    `treatment` is the column that says who was contacted, where that is part of the label: "1/0" for somebody who was,
    and did not convert.
    `followed_until` is the column with the day until which a customer was followed, where the label column has the day
    on which the customer left. Read as a label, that is the number of the month in which it was.
    """

    table: str
    label: str
    date: str
    query_setting: str = ""
    taken: Literal["what", "whether"] | None = None
    treatment: str = ""
    followed_until: str = ""

    def query(self, settings: Settings) -> str | None:
        """The query of the settings that takes the table's place."""
        return getattr(settings, self.query_setting.lower()) if self.query_setting else None


CHURN_HISTORY = HistoryTable("customer_churn_history", "churned", "snapshot_date", "DWH_CHURN_TRAINING_QUERY")


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
    rows = _rows_of_query(warehouse, table, query, since) if query else _rows_of_table(warehouse, table)
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
        happened = _month_left(rows, happened, day, _named(table.followed_until, names))
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
        channel=rows.c[channel] if treatment and (channel := _named(_CHANNEL, names)) else None,
    )


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
        select = select.add_columns(sa.cast(found.channel, sa.Text).label(_CHANNEL))
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


def _month_left(
    rows: sa.FromClause, left: sa.ColumnElement[Any], day: str, followed_until: str | None
) -> sa.ColumnElement[Any]:
    """The month after `day` in which the customer left: 1, 2, 3, or 4 for later; a month has 30 days.

    Rows that were followed for two months have 5, 6, or 7 for later, those followed for one month 8, or 9 for later. A
    month that was not followed to its end does not count, since only those who left would be known in it. NULL for
    customers who had left before, or were not followed for a month. Without a column that says until when they were,
    all were followed until the last date of the table.
    """
    left_on, start = sa.cast(left, sa.Date), sa.cast(rows.c[day], sa.Date)
    if followed_until is not None:
        known: sa.ColumnElement[Any] = sa.cast(rows.c[followed_until], sa.Date)
    else:
        others = rows.alias("history_followed")
        dates = sa.func.max(sa.cast(others.c[left.name], sa.Date)), sa.func.max(sa.cast(others.c[day], sa.Date))
        known = sa.select(sa.case((dates[0] > dates[1], dates[0]), else_=dates[1])).scalar_subquery()
    first, second, third = (start + sa.literal_column(f"INTERVAL '{days}' DAY") for days in HORIZON_DAYS)
    return sa.case(
        (sa.or_(known.is_(None), known < first, left_on < start), sa.null()),
        (known < second, sa.case((left_on <= first, 8), else_=9)),
        (known < third, sa.case((left_on <= first, 5), (left_on <= second, 6), else_=7)),
        else_=sa.case((left_on <= first, 1), (left_on <= second, 2), (left_on <= third, 3), else_=4),
    )


def _column_missing(source: str, column: str, what: str) -> DataError:
    return DataError(
        f"{source} has no column {column!r}, which says {what}.",
        remedy="Add it (docs/dwh-integration.md shows the tables), or name it so in a query in the settings.",
    )


def _rows_of_table(warehouse: Warehouse, history: HistoryTable) -> sa.FromClause:
    """The table beside the features view, else where the database looks by default."""
    schema, _ = split_table_name(warehouse.settings.dwh_customer_features_table)
    beside = ".".join(f'"{part}"' for part in schema.split(".")) + "." if schema else ""
    for name in dict.fromkeys((beside + history.table, history.table)):
        try:
            return warehouse.table(name)
        except ViewUnusable:
            continue
    raise HistoryMissing(
        f"The warehouse has no table {history.table}.",
        remedy="Load it from a file (`loyalty load`, docs/own-data.md), create it (docs/dwh-integration.md shows "
        "its columns)" + (f", or set {history.query_setting}." if history.query_setting else "."),
    )


def _rows_of_query(warehouse: Warehouse, history: HistoryTable, query: str, since: date | None) -> sa.FromClause:
    """The query with the columns it gives; `:start_date` is bound where the query uses it."""
    text = sa.text(query.strip().rstrip(";") + "\n")  # the line ends, should it be a comment
    parameters = set(text.compile().params)
    if unknown := sorted(parameters - {"start_date"}):
        raise SettingsError(
            f"{history.query_setting} uses :{unknown[0]}, but only :start_date is given.",
            remedy="Write the value into the query; a colon that starts no parameter is written \\:",
        )
    if parameters:
        text = text.bindparams(sa.bindparam("start_date", since or _EARLIEST, type_=sa.Date))
    probe = sa.select(sa.text("*")).select_from(text.columns().subquery("history")).limit(0)
    with warehouse.reading() as connection:
        try:
            cursor = connection.execute(probe).cursor
            described = cursor.description if cursor is not None else ()
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            reason = str(error.orig).strip().splitlines()[0].rstrip(".")
            raise SettingsError(
                f"{history.query_setting} cannot run: {reason}.", remedy="Try the query in the warehouse itself."
            ) from error
    # A query in the settings has no reflected types; these are the ones that a bulk reader would return differently.
    types = warehouse.dialect.types_by_code
    return text.columns(*(sa.column(name, types.get(code)) for name, code, *_ in described)).subquery("history")


def _named(wanted: str, names: list[str]) -> str | None:
    return next((name for name in names if name.casefold() == wanted.casefold()), None)


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
    counted = table.group_by(["label", _CHANNEL]).aggregate([([], "count_all")]).to_pylist()
    contacted: dict[str, int] = {}
    for row in counted:
        arm = str(row["label"]).partition(ARM_SEPARATOR)[0].lower()
        if arm in _YES and row[_CHANNEL] is not None:
            contacted[row[_CHANNEL]] = contacted.get(row[_CHANNEL], 0) + row["count_all"]
    return dict(sorted(contacted.items()))


def _column(table: pa.Table, name: str) -> pa.Array:
    return table[name].combine_chunks()
