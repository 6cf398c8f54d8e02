"""The identity of a local warehouse, recorded in its file: what was derived from it is found again by this.

A file that is loaded again with newer data keeps the identity that it had; another company's data gets its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

_VIEW, _ID = "customer_features_view", "customer_id"
# As many customers of the file before as tell whether it held the same ones.
_COMPARED = 10_000
# Newer data of the same customers: most of them are still there, and most of what is known of them is the same.
_LEAST_FOUND, _LEAST_EQUAL = 0.5, 2 / 3


def record_identity(connection: duckdb.DuckDBPyConnection, before: Path) -> None:
    """Record the identity of the new warehouse, which is to replace the file `before`, if there is one."""
    tables = {name for (name,) in connection.execute("SELECT table_name FROM information_schema.tables").fetchall()}
    if not {_VIEW, "warehouse_info"} <= tables:
        return
    identity = _identity_before(connection, before) or _of_content(connection)
    connection.execute("DELETE FROM warehouse_info WHERE key = 'identity'")
    connection.execute("INSERT INTO warehouse_info VALUES ('identity', ?)", [identity])


def _of_content(connection: duckdb.DuckDBPyConnection) -> str:
    """The same for the same customers and features, wherever they are loaded."""
    hashed = f"SELECT bit_xor(hash({_VIEW})), count(*) FROM {_VIEW}"  # noqa: S608
    content, customers = connection.execute(hashed).fetchall()[0]
    return f"{content or 0:016x}{customers:x}"


def _identity_before(connection: duckdb.DuckDBPyConnection, before: Path) -> str | None:
    """The identity of the file before, where the new one holds newer data of the same customers."""
    if not before.is_file():
        return None
    try:
        with duckdb.connect(before, read_only=True) as old:
            found = old.execute("SELECT value FROM warehouse_info WHERE key = 'identity'").fetchall()
            customers: pa.Table = old.execute(
                f"SELECT * FROM {_VIEW} ORDER BY hash({_ID}) LIMIT {_COMPARED}"  # noqa: S608
            ).to_arrow_table()
    except duckdb.Error:
        return None  # not one of ours, or held by a program that writes to it
    return found[0][0] if found and _is_newer_data(connection, customers) else None


def _is_newer_data(connection: duckdb.DuckDBPyConnection, customers: pa.Table) -> bool:
    names = connection.table(_VIEW).columns
    compared = [name for name in customers.column_names if name != _ID]
    if _ID not in names or _ID not in customers.column_names or not compared:
        return False
    connection.register("customers_before", customers)
    try:
        equal = " + ".join(_equal(name) if name in names else "0" for name in compared)
        found, cells = connection.execute(
            f"SELECT count(*), coalesce(sum({equal}), 0) FROM customers_before AS old "  # noqa: S608
            f"JOIN {_VIEW} AS new ON old.{_ID}::VARCHAR = new.{_ID}::VARCHAR"
        ).fetchall()[0]
    finally:
        connection.unregister("customers_before")
    return found >= _LEAST_FOUND * customers.num_rows > 0 and cells >= _LEAST_EQUAL * found * len(compared)


def _equal(name: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    return f"(old.{quoted}::VARCHAR IS NOT DISTINCT FROM new.{quoted}::VARCHAR)::INT"
