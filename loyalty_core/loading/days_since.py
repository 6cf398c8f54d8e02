"""Dates of a customer file as days, which models can read: `days_since_joined` beside `joined`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import duckdb

from loyalty_core.loading.column_names import is_birth
from loyalty_core.loading.column_types import TypedColumn
from loyalty_core.loading.date_formats import may_be_ahead
from loyalty_core.loading.source_file import SOURCE_ROWS


@dataclass(frozen=True)
class AsOf:
    """The day to which days are counted, as SQL over `source_rows`; `note` says which it is."""

    sql: str
    note: str


def as_of(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[TypedColumn], dated: TypedColumn | None, given: date | None
) -> AsOf | None:
    """The day of each row: of its column `dated`, else the day `given`, else the newest date in the file.

    None without any date in the past that says something about the day of the data, as a birth does not.
    """
    if dated is not None:
        fallback = f", DATE '{given}'" if given else ""
        return AsOf(f"coalesce(({dated.sql})::DATE{fallback})", f"the {dated.name} of the row")
    if given is not None:
        return AsOf(f"DATE '{given}'", f"{given}")
    today = datetime.now(UTC).date()
    past = [
        f"max(({column.sql})::DATE) FILTER (({column.sql})::DATE <= DATE '{today}')"
        for column in columns
        if not may_be_ahead(column.name) and not is_birth(column.name)
    ]
    if not past:
        return None
    (newest,) = connection.execute(f"SELECT greatest({', '.join(past)}, NULL) FROM {SOURCE_ROWS}").fetchall()[0]  # noqa: S608
    return AsOf(f"DATE '{newest}'", f"{newest}, the newest date of the file (see --snapshot)") if newest else None


def days_columns(columns: Sequence[TypedColumn], day: AsOf, taken: Sequence[str]) -> list[TypedColumn]:
    """For each column of dates, one with the days since then, or until then where its name suggests a future day."""
    used = {name.lower() for name in taken}
    made: list[TypedColumn] = []
    for column in columns:
        ahead = may_be_ahead(column.name)
        name = f"days_{'until' if ahead else 'since'}_{_snake_case(column.name)}"
        if name.lower() in used:
            continue
        used.add(name.lower())
        since, until = (f"({column.sql})::DATE", day.sql)
        first, last = (until, since) if ahead else (since, until)
        made.append(TypedColumn(name, "BIGINT", f"date_diff('day', {first}, {last})"))
    return made


def _snake_case(name: str) -> str:
    """`Last Order Date` → last_order, `SignupDate` → signup."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[\W_]+", "_", name).strip("_").lower()
    return re.sub(r"_(date|day|at|on|dt)$|^(date|dt)_(of_)?", "", words) or words
