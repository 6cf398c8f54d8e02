"""The identity of a local warehouse, recorded in its file: predictions, segment sizes and models belong to it.

Newer data of the same customers keeps the identity of the file that it replaces; any other data gets a new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

_VIEW, _ID, _BEFORE = "customer_features_view", "customer_id", "warehouse_before"
# A sample of the customers in the file before, large enough to tell whether these are the same ones.
_COMPARED = 10_000
# Newer data of the same customers: most of them are still there, and most of their columns agree.
_LEAST_FOUND, _LEAST_AGREEING = 0.5, 0.5
_LEAST_AGREEMENT, _LEAST_CORRELATION = 0.5, 0.7
_LARGEST = 1e15
_MEASURES = 3

# A fact in `warehouse_info`, for people to read.
DATA_KEY = "data"
_SAME = (
    "Most customers and values are those of the load before, so this counts as newer data of the same warehouse: its "
    "predictions, segment sizes and models stay in use. Score again to bring them up to date."
)
_NEW = (
    "This is not the data that was here before, so predictions, segment sizes and models made on that are not used for "
    "it. Train and score again."
)


def record_identity(connection: duckdb.DuckDBPyConnection, before: Path) -> None:
    """Record the identity of the new warehouse, which is to replace the file `before`, if there is one.

    Where there is one, `warehouse_info` also says whether its identity is the same as before, and what that means.
    """
    tables = {name for (name,) in connection.execute("SELECT table_name FROM information_schema.tables").fetchall()}
    if not {_VIEW, "warehouse_info"} <= tables:
        return
    same = _identity_before(connection, before)
    connection.execute("DELETE FROM warehouse_info WHERE key IN ('identity', ?)", [DATA_KEY])
    connection.execute("INSERT INTO warehouse_info VALUES ('identity', ?)", [same or _of_content(connection)])
    if before.is_file():
        connection.execute("INSERT INTO warehouse_info VALUES (?, ?)", [DATA_KEY, _SAME if same else _NEW])


def _of_content(connection: duckdb.DuckDBPyConnection) -> str:
    """The same for the same customers and features, wherever they are loaded."""
    hashed = f"SELECT bit_xor(hash({_VIEW})), count(*) FROM {_VIEW}"  # noqa: S608
    content, customers = connection.execute(hashed).fetchall()[0]
    return f"{content or 0:016x}{customers:x}"


def _identity_before(connection: duckdb.DuckDBPyConnection, before: Path) -> str | None:
    """The identity of the file before, if the new one holds newer data of the same customers."""
    if not before.is_file():
        return None
    file = str(before).replace("'", "''")
    try:
        # Attached and not connected to, as this process may have it open with another configuration.
        connection.execute(f"ATTACH '{file}' AS {_BEFORE} (READ_ONLY)")
    except duckdb.Error:
        return None  # held by a program that writes to it, or no database
    try:
        found = connection.execute(f"SELECT value FROM {_BEFORE}.warehouse_info WHERE key = 'identity'").fetchall()  # noqa: S608
        customers: pa.Table = connection.execute(
            f"SELECT * FROM {_BEFORE}.{_VIEW} ORDER BY hash({_ID}) LIMIT {_COMPARED}"  # noqa: S608
        ).to_arrow_table()
    except duckdb.Error:
        return None  # not one of ours
    finally:
        connection.execute(f"DETACH {_BEFORE}")
    return found[0][0] if found and _is_newer_data(connection, customers) else None


def _is_newer_data(connection: duckdb.DuckDBPyConnection, customers: pa.Table) -> bool:
    """Whether the view has newer data of these `customers`, a sample of the file before.

    Ids alone do not tell, since two companies may both count theirs from 1. So their values must agree too, column by
    column: be equal far more often than those of two different customers, or be numbers that rise and fall together,
    as a revenue does from one month to the next.
    """
    names = connection.table(_VIEW).columns
    shared = [name for name in customers.column_names if name in names and name != _ID]
    if _ID not in names or _ID not in customers.column_names or not shared:
        return False
    connection.register("customers_before", customers)
    try:
        compared = ", ".join(_compared(number, name) for number, name in enumerate(shared))
        found, *measured = connection.execute(
            f"""WITH pairs AS (
                SELECT old, new, lead(new) OVER (ORDER BY hash(old.{_ID}::VARCHAR)) AS other
                FROM customers_before AS old JOIN {_VIEW} AS new ON old.{_ID}::VARCHAR = new.{_ID}::VARCHAR
            )
            SELECT count(*), {compared} FROM pairs"""  # noqa: S608 (quoted identifiers)
        ).fetchall()[0]
    finally:
        connection.unregister("customers_before")
    if not found >= _LEAST_FOUND * customers.num_rows > 0:
        return False
    columns = [measured[place : place + _MEASURES] for place in range(0, len(measured), _MEASURES)]
    # A column with one value for every customer says nothing about who a customer is.
    telling = [column for column in columns if column[1] is not None and column[1] < 1]
    return sum(_agrees(*column) for column in telling) >= _LEAST_AGREEING * max(1, len(telling))


def _compared(number: int, name: str) -> str:
    """SQL of `_MEASURES` figures: how often the values are equal, those of two customers are, and their correlation."""
    quoted = '"' + name.replace('"', '""') + '"'
    old, new, other = (f"{row}.{quoted}" for row in ("old", "new", "other"))
    before, now = (f"try_cast({value}::VARCHAR AS DOUBLE)" for value in (old, new))
    return f"""
        avg(({old}::VARCHAR IS NOT DISTINCT FROM {new}::VARCHAR)::INT) AS equal_{number},
        avg(({old}::VARCHAR IS NOT DISTINCT FROM {other}::VARCHAR)::INT) FILTER (other IS NOT NULL) AS chance_{number},
        corr({before}, {now}) FILTER (abs({before}) < {_LARGEST} AND abs({now}) < {_LARGEST}) AS together_{number}"""


def _agrees(equal: float, chance: float, together: float | None) -> bool:
    """Whether a column's values agree; beyond chance as Cohen's kappa has it."""
    beyond_chance = (equal - chance) / (1 - chance)
    return beyond_chance >= _LEAST_AGREEMENT or (together is not None and together >= _LEAST_CORRELATION)
