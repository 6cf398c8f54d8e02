"""Which column of a customer file is the id and which the churn label, where the user has not said so."""

from collections.abc import Sequence

import duckdb

from loyalty_core.errors import DataError
from loyalty_core.loading.churn_label import churned_sql
from loyalty_core.loading.column_names import is_code, words_of_name
from loyalty_core.loading.source_file import SOURCE_ROWS, SourceRows, listed, quoted

_CUSTOMER = frozenset(
    ("customer", "client", "clientnum", "member", "user", "account", "card", "subscriber", "kunde", "kunden", "cliente")
)
_NUMBER = frozenset(("no", "nr", "number", "key"))
_CHURN = frozenset(
    ("churn", "churned", "churner", "exited", "attrition", "attrited", "abgewandert", "abwanderung", "kündigung")
)


# As a whole name: a word such as in left_handed means something else.
_LEFT = (frozenset(("left",)), frozenset(("has", "left")), frozenset(("customer", "left")))


def find_id(connection: duckdb.DuckDBPyConnection, rows: SourceRows) -> str:
    """The one column that is different in every row and named as an id; DataError with the choices otherwise."""
    unique = [name for name in rows.types if _is_unique(connection, rows, name)]
    named = [name for name in unique if is_code(name) or not _CUSTOMER.isdisjoint(words_of_name(name))]
    of_customers = [name for name in named if not _CUSTOMER.isdisjoint(words_of_name(name))] or named
    if len(of_customers) == 1:
        rows.notes.append(f"Customers are identified by {of_customers[0]}, which is different in every row (see --id).")
        return of_customers[0]
    if unique:
        likeliest = (of_customers or unique)[0]
        raise DataError(
            f"Which column of {rows.file.name} identifies a customer?",
            f"Different in every row: {listed(unique)}.",
            f'Name it, for example --id "{likeliest}".',
        )
    raise DataError(
        f"Which column of {rows.file.name} identifies a customer?",
        f"None is different in every row; its columns are {listed(rows.types)}.",
        "If every row is another customer without an id, add --number-rows. A log of purchases is loaded with "
        "`loyalty load transactions`.",
    )


def number_rows(connection: duckdb.DuckDBPyConnection, rows: SourceRows) -> str:
    """Add a column that numbers the rows of a file without ids; returns its name."""
    name = next(name for name in ("customer_id", "row_number", "row_number_") if not rows.has(name))
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {SOURCE_ROWS} AS SELECT rowid + 1 AS {quoted(name)}, * FROM {SOURCE_ROWS}"  # noqa: S608
    )
    rows.types = {name: "BIGINT", **rows.types}
    rows.notes.append(
        "Customers are identified by the number of their row, so newer data cannot be recognised as theirs."
    )
    return name


def id_by_name(names: Sequence[str]) -> str | None:
    """The one column whose name is that of a customer's id, such as `customer_id` or `Member No.`; None for several."""
    if standard := next((name for name in names if name.lower() == "customer_id"), None):
        return standard
    named = [name for name in names if _identifies_customers(name)]
    return named[0] if len(named) == 1 else None


def _identifies_customers(name: str) -> bool:
    words = words_of_name(name)
    return not words.isdisjoint(_CUSTOMER) and (is_code(name) or words <= _CUSTOMER | _NUMBER)


def find_churn(connection: duckdb.DuckDBPyConnection, rows: SourceRows, id_name: str) -> str | None:
    """The one column that says who left, by name and values; None without any, DataError where there are several."""
    found = [
        name
        for name in rows.types
        if name != id_name
        and _is_named_as_churn(name)
        and _has_two_values(connection, rows, name)
        and _is_readable(connection, rows, name)
    ]
    if len(found) > 1 and not _agree(connection, rows, found):
        raise DataError(
            f"Which column of {rows.file.name} says who left?",
            f"It may be {listed(found)}.",
            f'Name it, for example --churn "{found[0]}", or add --no-churn.',
        )
    if found:
        rows.notes.append(f"Column {found[0]} is read as who left (see --churn and --no-churn).")
    return found[0] if found else None


def _agree(connection: duckdb.DuckDBPyConnection, rows: SourceRows, names: Sequence[str]) -> bool:
    """Whether the columns say the same in every row, as `Churn Label` and `Churn Value` do."""
    first, *others = (churned_sql(connection, rows, name) for name in names)
    same = " AND ".join(f"({first}) IS NOT DISTINCT FROM ({other})" for other in others)
    return connection.execute(f"SELECT bool_and({same}) FROM {SOURCE_ROWS}").fetchall() == [(True,)]  # noqa: S608


def _is_unique(connection: duckdb.DuckDBPyConnection, rows: SourceRows, name: str) -> bool:
    value = rows.value_of(name)
    (filled, whole, distinct) = connection.execute(
        f"""SELECT count({value}), bool_and(NOT regexp_full_match({value}, '-?\\d*[.,]\\d*[1-9]\\d*')),
            approx_count_distinct({value}) FROM {SOURCE_ROWS}"""  # noqa: S608
    ).fetchall()[0]
    if filled < rows.row_count or not whole or distinct < rows.row_count / 2:
        return False
    (exactly,) = connection.execute(f"SELECT count(DISTINCT {value}) FROM {SOURCE_ROWS}").fetchall()[0]  # noqa: S608
    return exactly == rows.row_count


def _is_named_as_churn(name: str) -> bool:
    words = words_of_name(name)
    return not _CHURN.isdisjoint(words) or words in _LEFT


def _has_two_values(connection: duckdb.DuckDBPyConnection, rows: SourceRows, name: str) -> bool:
    query = f"SELECT count(DISTINCT lower({rows.value_of(name)})) FROM {SOURCE_ROWS}"  # noqa: S608
    return connection.execute(query).fetchall() == [(2,)]


def _is_readable(connection: duckdb.DuckDBPyConnection, rows: SourceRows, name: str) -> bool:
    try:
        churned_sql(connection, rows, name)
    except DataError:
        return False
    return True
