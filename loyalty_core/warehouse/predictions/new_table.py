"""A new table of predictions in PostgreSQL: it is filled, then takes the old one's name and grants.

The old one is renamed to a name that includes its time, and those that `RunHistory` no longer includes are dropped.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import pyarrow as pa
import sqlalchemy as sa
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import psycopg as psycopg_dialect

from loyalty_core.settings import split_table_name
from loyalty_core.warehouse.predictions.earlier_tables import data_in, earlier_tables, remark_on, with_data
from loyalty_core.warehouse.predictions.relation import CUSTOMER_ID, ScoringInProgress, predictions_table
from loyalty_core.warehouse.predictions.run_history import RunHistory, time_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loyalty_core.warehouse.connection import Warehouse
    from loyalty_core.warehouse.identity import DataIdentity

Answer = TypeVar("Answer")

_DESCRIPTION = "Churn, offers and RFM of every customer; every scoring run replaces the whole table"
_LONGEST_NAME = 63  # in bytes

_GRANTS_OF_OLD_ON_NEW = SQL("""
    SELECT format(
        'GRANT %s ON %s TO %s%s',
        granted.privilege_type,
        {new}::text,
        CASE granted.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(granted.grantee)) END,
        CASE WHEN granted.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
    )
    FROM pg_class, aclexplode(relacl) AS granted
    WHERE pg_class.oid = to_regclass({old}) AND granted.grantee <> relowner
""")

# Of fixed width, so that names are in the order of the runs.
_STAMP_OF_OLD = SQL("""
    SELECT to_char(
        coalesce((SELECT scored_at FROM {old} LIMIT 1), now()) AT TIME ZONE 'UTC', 'YYYYMMDD"t"HH24MISSUS"z"'
    )
""")


# Shorter than `deadlock_timeout`, so that a reader of this run and the current one is not taken for a deadlock.
_DROP_UNLESS_USED = SQL("""
    BEGIN
        SET LOCAL lock_timeout = '500ms';
        DROP TABLE {earlier};
    EXCEPTION WHEN dependent_objects_still_exist OR lock_not_available THEN
        NULL;
    END
""")


class NewTable:
    """Filled under another name; invisible to others until the transaction ends."""

    def __init__(self, cursor: Any, warehouse: Warehouse, identity: DataIdentity) -> None:
        self._cursor = cursor
        self._warehouse = warehouse
        self._identity = identity
        self._name = predictions_table(warehouse.settings)
        self._schema, self._table = split_table_name(self._name)
        self._filled = _with_suffix(self._table, uuid4().hex[:12])
        self._old, self._new = self._placed(self._table), self._placed(self._filled)

    def create(self, schema: pa.Schema) -> None:
        lock = Literal(f"predictions {self._old.as_string()}")
        if not self._query(SQL("SELECT pg_try_advisory_xact_lock(hashtext({}))").format(lock))[0][0]:
            raise ScoringInProgress(self._table)
        self._ingest(schema.empty_table(), "create")

    def append(self, batch: pa.RecordBatch) -> None:
        self._ingest(pa.table(batch), "append")

    def insert(self, columns: Sequence[str], statement: sa.Select) -> None:
        """Insert the rows of a statement, in the order of the columns."""
        names = SQL(", ").join(map(Identifier, columns))
        insert = SQL("INSERT INTO {} ({}) ").format(self._new, names)
        self._cursor.execute(insert.as_string() + _with_values(statement))

    def ask(self, columns: Sequence[str], question: Callable[[sa.FromClause], sa.Select]) -> Sequence[Any]:
        """What a question about the new rows returns."""
        new = sa.table(self._filled, *map(sa.column, columns), schema=self._schema or None)
        self._cursor.execute(_with_values(question(new)))
        return self._cursor.fetchall()

    def finish(self, id_type: sa.types.TypeEngine[Any]) -> None:
        """Give the ids the type they have in the view, the table an index, and then the old one's grants and name."""
        names: dict[str, Composable] = {
            "new": self._new,
            "old": self._old,
            "name": Identifier(self._table),
            "key": Identifier(CUSTOMER_ID),
            "type": SQL(id_type.compile(dialect=postgresql.dialect())),  # pyright: ignore[reportArgumentType]
            "description": Literal(with_data(_DESCRIPTION, self._identity.key)),
        }
        self._run("SET LOCAL lock_timeout = '60s'", names)
        self._run("ALTER TABLE {new} ALTER COLUMN {key} TYPE {type} USING {key}::{type}", names)
        self._run("CREATE INDEX ON {new} ({key})", names)
        self._run("COMMENT ON TABLE {new} IS {description}", names)
        old_and_new = {"old": Literal(self._old.as_string()), "new": Literal(self._new.as_string())}
        for (grant,) in self._query(_GRANTS_OF_OLD_ON_NEW.format(**old_and_new)):
            self._cursor.execute(grant)
        self._run("ANALYZE {new}", names)
        old = self._store_old()
        self._run("ALTER TABLE {new} RENAME TO {name}", names)
        self._drop_outside_history(old)

    def commit(self) -> None:
        self._cursor.connection.commit()

    def _store_old(self) -> dict[str, str | None]:
        """Rename the old table, if any, to a name with its time, unless something depends on it that forbids a drop.

        A view would otherwise show the old table under its new name without anyone noticing.
        """
        if not self._query(SQL("SELECT to_regclass({})").format(Literal(self._old.as_string())))[0][0]:
            return {}
        ((stamp,),) = self._query(_STAMP_OF_OLD.format(old=self._old))
        old = Literal(self._old.as_string())
        ((comment,),) = self._query(SQL("SELECT obj_description(to_regclass({}), 'pg_class')").format(old))
        made_on, earlier = data_in(comment), _with_suffix(self._table, stamp)
        names: dict[str, Composable] = {
            "old": self._old,
            "earlier": Identifier(earlier),
            "remark": Literal(with_data(remark_on(self._name), made_on)),
        }
        self._run("SAVEPOINT before_old", names)
        self._run("DROP TABLE {old}", names)
        self._run("ROLLBACK TO SAVEPOINT before_old", names)
        self._run("COMMENT ON TABLE {old} IS {remark}", names)
        self._run("ALTER TABLE {old} RENAME TO {earlier}", names)
        return {earlier: made_on}

    def _drop_outside_history(self, old: dict[str, str | None]) -> None:
        """A table that is being read or has a view on it stays until a later run; runs of other data count apart."""
        # The names are read outside this transaction, so the old table's new name is not among them yet.
        made_on = old | earlier_tables(self._warehouse)
        times = {name: time for name in made_on if (time := time_of(name.rpartition("_")[2]))}
        own = {name: time for name, time in times.items() if self._identity.owns(made_on[name])}
        other = {name: time for name, time in times.items() if name not in own}
        history = RunHistory.from_settings(self._warehouse.settings)
        for name in (*history.outside({self._table: datetime.now(UTC), **own}), *history.outside(other)):
            drop = _DROP_UNLESS_USED.format(earlier=self._placed(name))
            self._run("DO {drop}", {"drop": Literal(drop.as_string())})

    def _placed(self, table: str) -> Identifier:
        return Identifier(self._schema, table) if self._schema else Identifier(table)

    def _ingest(self, rows: pa.Table, mode: str) -> None:
        self._cursor.adbc_ingest(self._filled, _decoded(rows), mode=mode, db_schema_name=self._schema)

    def _run(self, statement: str, names: dict[str, Composable]) -> None:
        self._cursor.execute(SQL(statement).format(**names).as_string())  # pyright: ignore[reportArgumentType]

    def _query(self, statement: Composed) -> list[tuple[Any, ...]]:
        self._cursor.execute(statement.as_string())
        return self._cursor.fetchall()


def _with_suffix(table: str, suffix: str) -> str:
    """A name with an ending, cut where PostgreSQL would cut it."""
    room = _LONGEST_NAME - len(suffix) - 1
    return f"{table.encode()[:room].decode(errors='ignore')}_{suffix}"


def _with_values(statement: sa.Select) -> str:
    """The statement with its values quoted."""
    dialect = psycopg_dialect.dialect(paramstyle="format")
    compiled: Any = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    return str(compiled) % tuple(Literal(compiled.params[name]).as_string() for name in compiled.positiontup or ())


def _decoded(rows: pa.Table) -> pa.Table:
    plain = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field for field in rows.schema
    ]
    return rows.cast(pa.schema(plain))
