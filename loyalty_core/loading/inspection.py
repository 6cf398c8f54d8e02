"""What is found in a file before it is loaded: its columns, how each is read, and what only the user can tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from loyalty_core.errors import DataError
from loyalty_core.loading.column_profiles import profile_columns
from loyalty_core.loading.column_questions import find_churn, find_id
from loyalty_core.loading.column_types import TypedColumn, stored_columns, typed_columns
from loyalty_core.loading.customer_columns import CustomerColumns
from loyalty_core.loading.feature_suggestion import Labels, Suggestion, suggest_features
from loyalty_core.loading.file_format import FileFormat
from loyalty_core.loading.purchase_questions import PurchaseColumns, complete
from loyalty_core.loading.questions import asked_in_the_form, in_words_of_the_form
from loyalty_core.loading.source_file import SOURCE_ROWS, SourceRows, quoted, read_source_rows
from loyalty_core.loading.warehouse_file import open_duckdb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import duckdb
    import pyarrow as pa

FileKind = Literal["customers", "transactions"]
PREVIEW_ROWS = 10
# A load reads every value; to suggest what the columns are, so many rows from all over the file are enough.
SAMPLE_ROWS = 20_000
_EXAMPLES = 3
_READ_AS = {
    "BIGINT": "whole number",
    "DOUBLE": "number",
    "BOOLEAN": "yes or no",
    "DATE": "date",
    "TIMESTAMP": "date and time",
    "VARCHAR": "text",
    "": "left out",
}
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class FoundColumn:
    """A column, how its values are read and why, and its first different values."""

    name: str
    read_as: str
    note: str
    examples: Sequence[str]


@dataclass(frozen=True)
class Inspection:
    """`kind` is what the file looks like. Columns that could not be found are None; `questions` ask for them, by kind.

    `preview` has the first rows as they are written, in the order of `columns`. Types and notes are those of
    `looked_at` rows.
    """

    file_name: str
    row_count: int
    looked_at: int
    columns: Sequence[FoundColumn]
    preview: Sequence[Sequence[str | None]]
    notes: Sequence[str]
    kind: FileKind
    customers: CustomerColumns
    purchases: PurchaseColumns
    questions: Mapping[FileKind, Sequence[DataError]]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]


def inspect_file(file: Path, written: FileFormat | None = None) -> Inspection:
    """Read a file as a load would, and look at a sample of its rows. Raises DataError where it cannot be read."""
    with open_duckdb() as connection:
        try:
            rows = read_source_rows(connection, file, written or FileFormat())
        except DataError as error:
            raise asked_in_the_form(error) from error
        connection.execute("SET enable_external_access = false")
        notes = [in_words_of_the_form(note) for note in rows.notes]
        row_count, preview = rows.row_count, _preview(connection, rows)
        identifier, no_id = _asked(lambda: find_id(connection, rows))
        _take_sample(connection, rows)
        typed = typed_columns(connection, rows, list(rows.types))
        churn, no_churn = _asked(lambda: find_churn(connection, rows, identifier or ""))
        customers, of_customers = CustomerColumns(identifier, churn), [error for error in (no_id, no_churn) if error]
        purchases, of_purchases = _asked(lambda: complete(connection, rows, PurchaseColumns()))
    columns = [_described(column, [row[place] for row in preview]) for place, column in enumerate(typed)]
    return Inspection(
        file.name,
        row_count,
        rows.row_count,
        columns,
        preview,
        notes,
        _likeliest(customers, purchases, typed),
        customers,
        purchases or PurchaseColumns(),
        {"customers": of_customers, "transactions": [of_purchases] if of_purchases else []},
    )


def column_names(file: Path) -> list[str]:
    """The names of a file's columns. Raises DataError where it cannot be read."""
    with open_duckdb() as connection:
        try:
            return list(read_source_rows(connection, file, FileFormat()).types)
        except DataError as error:
            raise asked_in_the_form(error) from error


def suggest_from_rows(connection: duckdb.DuckDBPyConnection, rows: pa.Table, id_column: str) -> Suggestion:
    """What models could learn from, judged by some rows of a database's view; `connection` is one in memory."""
    connection.register("read_rows", rows)
    typed = [one for one in stored_columns(connection, "read_rows") if one.sql and one.name != id_column]
    selected = ", ".join(f"{one.sql} AS {quoted(one.name)}" for one in typed)
    connection.execute(f"CREATE TEMP TABLE typed_rows AS SELECT {selected} FROM read_rows")  # noqa: S608
    return suggest_features(connection, "typed_rows", profile_columns(connection, "typed_rows", typed), Labels())


def _take_sample(connection: duckdb.DuckDBPyConnection, rows: SourceRows) -> None:
    step = -(-rows.row_count // SAMPLE_ROWS)
    if step > 1:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {SOURCE_ROWS} AS SELECT * FROM {SOURCE_ROWS} WHERE rowid % {step} = 0"  # noqa: S608
        )
        rows.row_count = -(-rows.row_count // step)


def _asked(find: Callable[[], _Found]) -> tuple[_Found | None, DataError | None]:
    """What is found, or the question that was asked instead."""
    try:
        return find(), None
    except DataError as error:
        return None, asked_in_the_form(error)


def _likeliest(customers: CustomerColumns, purchases: PurchaseColumns | None, typed: Sequence[TypedColumn]) -> FileKind:
    """A log has a customer, a date and an amount, and the same customer in several rows."""
    if purchases is not None:
        return "customers" if customers.id == purchases.customer else "transactions"
    has_date = any(column.type in ("DATE", "TIMESTAMP") for column in typed)
    return "transactions" if customers.id is None and has_date else "customers"


def _preview(connection: duckdb.DuckDBPyConnection, rows: SourceRows) -> list[list[str | None]]:
    texts = ", ".join(f"{quoted(name)}::VARCHAR" for name in rows.types)
    found = connection.execute(f"SELECT {texts} FROM {SOURCE_ROWS} LIMIT {PREVIEW_ROWS}").fetchall()  # noqa: S608
    return [list(row) for row in found]


def _described(column: TypedColumn, values: Sequence[str | None]) -> FoundColumn:
    examples = list(dict.fromkeys(value for value in values if value))[:_EXAMPLES]
    read_as = _READ_AS.get(column.type, column.type.lower())
    return FoundColumn(column.name, read_as, in_words_of_the_form(column.note), examples)
