"""The predictions of earlier scoring runs, for what has changed since and for how right they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from loyalty_core.settings import split_table_name
from loyalty_core.warehouse.predictions.relation import (
    MARKS,
    NAME,
    ScoringRun,
    last_run,
    predictions_file,
    read_version,
    run_of,
    versions_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loyalty_core.warehouse.connection import Warehouse

    KeptRun = tuple[ScoringRun, sa.FromClause]

_EARLIER_TABLES = sa.text("""
    SELECT relation.relname AS name
    FROM pg_class AS relation
    JOIN pg_namespace AS place ON place.oid = relation.relnamespace
    WHERE place.nspname = coalesce(:schema, current_schema())
      AND relation.relkind = 'r'
      AND obj_description(relation.oid, 'pg_class') = :description
      AND has_table_privilege(relation.oid, 'SELECT')
    ORDER BY relation.relname DESC
""")


def earlier_runs(warehouse: Warehouse) -> list[KeptRun]:
    """Every run before the present one that is still kept, newest first, with its predictions as a relation."""
    return list(each_earlier_run(warehouse))


def kept_runs(warehouse: Warehouse) -> list[KeptRun]:
    """Every run that is kept, newest first: the present one too."""
    present, predictions = last_run(warehouse), warehouse.predictions
    first = [(present, predictions)] if present is not None and predictions is not None else []
    return [*first, *each_earlier_run(warehouse)]


def each_earlier_run(warehouse: Warehouse) -> Iterator[KeptRun]:
    """The same as `earlier_runs`, each looked at when it is asked for, since there may be many."""
    match warehouse.url.get_backend_name():
        case "duckdb":
            relations = _earlier_files(warehouse)
        case "postgresql":
            relations = _earlier_tables(warehouse)
        case _:
            return
    yield from ((run, relation) for relation in relations if (run := run_of(warehouse, relation)))


def earlier_table_names(warehouse: Warehouse) -> list[str]:
    """The tables of earlier runs in PostgreSQL, newest first, without their schema."""
    name = warehouse.settings.dwh_predictions_table
    schema, _ = split_table_name(name)
    return [row["name"] for row in warehouse.rows(_EARLIER_TABLES, {"schema": schema, "description": remark_on(name)})]


def remark_on(name: str) -> str:
    """The comment by which a table of an earlier run is known, whatever else its name is like."""
    return f"Predictions of an earlier scoring run, once {name}"


def _earlier_files(warehouse: Warehouse) -> Iterator[sa.FromClause]:
    current = predictions_file(warehouse.settings, warehouse.url).absolute()
    for version in versions_of(current):
        if version.resolve() != current.resolve():
            relation = read_version(version, warehouse.customer_id, f"earlier_{NAME}")
            if relation is not None:
                yield relation


def _earlier_tables(warehouse: Warehouse) -> Iterator[sa.FromClause]:
    schema, _ = split_table_name(warehouse.settings.dwh_predictions_table)
    for name in earlier_table_names(warehouse):
        table = warehouse.table(".".join(_quoted(part) for part in (*([schema] if schema else []), name)))
        if MARKS.issubset(table.columns.keys()):
            yield table


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
