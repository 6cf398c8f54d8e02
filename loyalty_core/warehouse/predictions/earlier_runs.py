"""The predictions of earlier scoring runs, for what has changed since and for how right they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.warehouse.predictions.relation import ScoringRun, last_run, run_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

    from loyalty_core.warehouse.connection import Warehouse

    KeptRun = tuple[ScoringRun, sa.FromClause]


def earlier_runs(warehouse: Warehouse) -> list[KeptRun]:
    """Every stored run before the current one, newest first, with its predictions as a relation."""
    return list(each_earlier_run(warehouse))


def kept_runs(warehouse: Warehouse) -> list[KeptRun]:
    """Every stored run, newest first: the current one too."""
    present, predictions = last_run(warehouse), warehouse.predictions
    first = [(present, predictions)] if present is not None and predictions is not None else []
    return [*first, *each_earlier_run(warehouse)]


def each_earlier_run(warehouse: Warehouse) -> Iterator[KeptRun]:
    """The same as `earlier_runs`, each looked at when it is asked for, since there may be many."""
    relations = warehouse.dialect.predictions.earlier(warehouse)
    yield from ((run, relation) for relation in relations if (run := run_of(warehouse, relation)))
