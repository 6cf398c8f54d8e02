"""The rows of a history: those of its table, or of the query in the settings that takes its place."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from loyalty_core.errors import SettingsError, ViewUnusable
from loyalty_core.settings import split_table_name
from loyalty_core.warehouse.history.table import HistoryMissing, HistoryTable

if TYPE_CHECKING:
    from loyalty_core.warehouse.connection import Warehouse

_EARLIEST = date(1900, 1, 1)


def rows_of_table(warehouse: Warehouse, history: HistoryTable) -> sa.FromClause:
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
        remedy="Load a file that has it (Connect data, or `loyalty load`), create it (docs/dwh-integration.md shows "
        "its columns)" + (f", or set {history.query_setting}." if history.query_setting else "."),
    )


def history_exists(warehouse: Warehouse, history: HistoryTable) -> bool:
    """Whether there is such a table, or a query in the settings in its place; its columns are not looked at."""
    if history.query(warehouse.settings):
        return True
    try:
        rows_of_table(warehouse, history)
    except HistoryMissing:
        return False
    return True


def rows_of_query(warehouse: Warehouse, history: HistoryTable, query: str, since: date | None) -> sa.FromClause:
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
