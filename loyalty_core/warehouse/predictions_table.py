"""The table of predictions in PostgreSQL: a new one is filled, then takes the old one's name and grants."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, Final
from uuid import uuid4

import pyarrow as pa
import sqlalchemy as sa
from adbc_driver_manager import Error as BulkDriverError
from psycopg.conninfo import make_conninfo
from sqlalchemy.dialects import postgresql

from loyalty_core.errors import DataError, LoyaltyError
from loyalty_core.table_name import split_table_name
from loyalty_core.warehouse.connection import Warehouse
from loyalty_core.warehouse.failures import readable_errors
from loyalty_core.warehouse.predictions import MARKS, NAME, ScoringInProgress, twice_the_same_customer

_DESCRIPTION = "Churn, offers and RFM of every customer; every scoring run replaces the whole table"
_LONGEST_NAME = 63
_WAIT_FOR_READERS = "60s"

_MAY_WRITE = sa.text("""
    SELECT pg_is_in_recovery() AS replica,
           place.oid IS NOT NULL AND has_schema_privilege(place.oid, 'CREATE') AS may_create,
           relation.oid IS NULL OR pg_has_role(relation.relowner, 'USAGE') AS may_replace
    FROM (SELECT 1) AS one
    LEFT JOIN pg_namespace AS place ON place.nspname = coalesce(:schema, current_schema())
    LEFT JOIN pg_class AS relation ON relation.relnamespace = place.oid AND relation.relname = :table
""")

_GRANTS = """
    SELECT format(
        'GRANT %s ON %s TO %s%s',
        granted.privilege_type,
        {new}::text,
        CASE granted.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(granted.grantee)) END,
        CASE WHEN granted.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
    )
    FROM pg_class, aclexplode(relacl) AS granted
    WHERE pg_class.oid = to_regclass({old}) AND granted.grantee <> relowner
"""


def refusal(warehouse: Warehouse) -> str:
    """Why the account may not write the table, as a sentence; empty when it may."""
    name = warehouse.settings.dwh_predictions_table
    schema, table = split_table_name(name)
    facts = warehouse.rows(_MAY_WRITE, {"schema": schema, "table": table})[0]
    if facts["replica"]:
        return "The warehouse is a read-only replica."
    if not facts["may_create"]:
        return f"The account may not create the table {name}."
    if not facts["may_replace"]:
        return f"The table {name} belongs to another account."
    return ""


@contextmanager
def write_table(warehouse: Warehouse, schema: pa.Schema) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """Take batches in one transaction, which ends by giving the new table the name of the old one.

    Raises `ScoringInProgress`, `DataError` when the name is taken by something else or a view hangs on the old
    table, and `ViewUnusable` when a customer came twice.
    """
    _refuse_other_content(warehouse)
    with _readable_errors(warehouse):
        connection = adbc.connect(_writing_session(warehouse))
    with closing(connection), closing(connection.cursor()) as cursor:
        table = _NewTable(cursor, warehouse.settings.dwh_predictions_table)

        def write(batch: pa.RecordBatch) -> None:
            with _readable_errors(warehouse):
                table.append(batch)

        with _readable_errors(warehouse):
            table.create(schema)
        yield write
        with _readable_errors(warehouse):
            table.finish(warehouse.customer_id)
            connection.commit()


class _NewTable:
    """Filled beside the old table and under another name; nobody sees it before the commit."""

    def __init__(self, cursor: adbc.Cursor, name: str) -> None:
        self._cursor = cursor
        self._schema, self._old = split_table_name(name)
        suffix = f"_{uuid4().hex[:12]}"
        self._new = self._old[: _LONGEST_NAME - len(suffix)] + suffix

    def create(self, schema: pa.Schema) -> None:
        self._cursor.execute(_sql("SELECT pg_try_advisory_xact_lock(hashtext({}))", f"predictions {self._old_name}"))
        if not self._fetch()[0][0]:
            raise ScoringInProgress(self._old)
        self._ingest(schema.empty_table(), "create")

    def append(self, batch: pa.RecordBatch) -> None:
        self._ingest(pa.Table.from_batches([batch]), "append")

    def finish(self, customer_id: sa.Column[Any]) -> None:
        """Give the ids the type they have in the view, the table an index, and then the old one's name and grants."""
        id_type = customer_id.type.compile(dialect=postgresql.dialect())
        new, old = self._new_name, self._old_name
        self._run(f"SET LOCAL lock_timeout = '{_WAIT_FOR_READERS}'")
        self._run(f"ALTER TABLE {new} ALTER COLUMN customer_id TYPE {id_type} USING customer_id::{id_type}")
        self._run(f"ALTER TABLE {new} ADD PRIMARY KEY (customer_id)")
        self._run(_sql(f"COMMENT ON TABLE {new} IS {{}}", _DESCRIPTION))
        for (grant,) in self._query(_sql(_GRANTS.replace("{old}", "{}").replace("{new}", "{}"), new, old)):
            self._run(grant)
        self._run(f"ANALYZE {new}")
        self._run(f"DROP TABLE IF EXISTS {old}")
        self._run(f"ALTER TABLE {new} RENAME TO {_quoted(self._old)}")
