"""The predictions of earlier scoring runs, to see what has changed since and how right they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.warehouse.predictions.relation import ScoringRun, last_run, run_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

    from loyalty_core.warehouse.connection import Warehouse

    StoredRun = tuple[ScoringRun, sa.FromClause]


def earlier_runs(warehouse: Warehouse) -> list[StoredRun]:
    """Every stored run before the current one, newest first, with its predictions as a relation."""
    return list(each_earlier_run(warehouse))


def stored_runs(warehouse: Warehouse) -> list[StoredRun]:
    """Every stored run, newest first, including the current one."""
    present, predictions = last_run(warehouse), warehouse.predictions
    first = [(present, predictions)] if present is not None and predictions is not None else []
    return [*first, *each_earlier_run(warehouse)]


def each_earlier_run(warehouse: Warehouse) -> Iterator[StoredRun]:
    """The same as `earlier_runs`, each read only when it is asked for, since there may be many."""
    relations = warehouse.dialect.predictions.earlier(warehouse.whole)
    seen = map(warehouse.in_scope, relations)
    yield from ((run, relation) for relation in seen if (run := run_of(warehouse, relation)))
