"""Which column of a customer file is what, and how each is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from loyalty_core.errors import DataError
from loyalty_core.loading.column_questions import find_churn, find_id, number_rows
from loyalty_core.loading.column_types import TypedColumn, typed_columns
from loyalty_core.loading.days_since import as_of, days_columns
from loyalty_core.loading.source_file import SourceRows, listed

_DATES = ("DATE", "TIMESTAMP")


@dataclass(frozen=True)
class CustomerColumns:
    """Names of the file's columns. Without `id` and `churn` they are found where only one column qualifies.

    `churned` are the values of `churn` that mean that the customer left, where they are no known words. `offers` say
    which offer was taken: one column of names, or several of yes and no. `treatment` says who was contacted in a test;
    `control` are its values for those who were not, where they are no known words. The first of `outcomes` says what
    came of it; the others were measured at the same time. `features` are columns that the models learn from whatever
    they look like.
    """

    id: str | None = None
    churn: str | None = None
    churned: Sequence[str] = ()
    offers: Sequence[str] = ()
    features: Sequence[str] = ()
    treatment: str | None = None
    control: Sequence[str] = ()
    outcomes: Sequence[str] = ()
    has_ids: bool = True
    has_churn: bool = True


@dataclass(frozen=True)
class Layout:
    """The columns by their names in the file; `features` are all others as they are loaded, the offers among them."""

    id_name: str
    churn_name: str | None
    churned: Sequence[str]
    offers: Sequence[str]
    features: Sequence[TypedColumn]
    wanted: Sequence[str]
    treatment: str | None
    outcomes: Sequence[str]

    @property
    def date_name(self) -> str | None:
        """The file's own column of the day that each row is from."""
        dated = _dated(self.features)
        return dated.name if dated else None


def find_layout(
    connection: duckdb.DuckDBPyConnection, rows: SourceRows, columns: CustomerColumns, snapshot: date | None
) -> Layout:
    """Find the columns and their types; notes are appended to `rows`.

    Raises DataError for a column that does not exist, that has two roles, or whose name would be there twice.
    """
    id_name = _id_name(connection, rows, columns)
    churn_name = _churn_name(connection, rows, columns, id_name)
    offers = [rows.find(name, "--offer") for name in columns.offers]
    if id_name == churn_name or {id_name, churn_name} & set(offers):
        raise DataError("A column cannot be two of id, churn label and offer taken.")
    names = [name for name in rows.types if name not in (id_name, churn_name)]
    reserved = {"customer_id": id_name, "churned": churn_name}
    for name in names:
        if replaced := reserved.get(name.lower()):
            raise DataError(
                f"{rows.file.name} has a column {name} besides {replaced}.",
                f"{replaced} becomes {name.lower()} in the warehouse, so the name would be there twice.",
                f"Use {name} instead of {replaced}, or take one of them out of the file.",
            )
    typed = typed_columns(connection, rows, names)
    rows.notes.extend(column.note for column in typed if column.note)
    loaded = [column for column in typed if column.sql]
    wanted = [rows.find(name, "--feature") for name in columns.features]
    features = [*loaded, *_days(connection, rows, loaded, snapshot)]
    treatment = rows.find(columns.treatment, "--treatment") if columns.treatment else None
    outcomes = [rows.find(name, "--outcome") for name in columns.outcomes]
    if bool(treatment) != bool(outcomes):
        raise DataError("A test needs both who was contacted (--treatment) and the outcome (--outcome).")
    return Layout(id_name, churn_name, columns.churned, offers, features, wanted, treatment, outcomes)


def _id_name(connection: duckdb.DuckDBPyConnection, rows: SourceRows, columns: CustomerColumns) -> str:
    if columns.id is not None:
        return rows.find(columns.id, "--id")
    return find_id(connection, rows) if columns.has_ids else number_rows(connection, rows)


def _churn_name(
    connection: duckdb.DuckDBPyConnection, rows: SourceRows, columns: CustomerColumns, id_name: str
) -> str | None:
    if columns.churn is not None:
        return rows.find(columns.churn, "--churn")
    return find_churn(connection, rows, id_name) if columns.has_churn else None


def _dated(columns: Sequence[TypedColumn]) -> TypedColumn | None:
    return next((one for one in columns if one.type in _DATES and one.name.lower() == "snapshot_date"), None)


def _days(
    connection: duckdb.DuckDBPyConnection, rows: SourceRows, columns: Sequence[TypedColumn], snapshot: date | None
) -> list[TypedColumn]:
    """The days since each date of the file; empty where there is no date, or no day to count to."""
    dated = _dated(columns)
    dates = [column for column in columns if column.type in _DATES and column is not dated]
    day = as_of(connection, dates, dated, snapshot) if dates else None
    if day is None:
        if dates:
            rows.notes.append(f"The models cannot learn from {listed(one.name for one in dates)} without --snapshot.")
        return []
    made = days_columns(dates, day, list(rows.types))
    if made:
        rows.notes.append(f"Columns added: {listed(column.name for column in made)}, counted to {day.note}.")
    return made
