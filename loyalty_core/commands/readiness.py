"""The check before a training, on the terminal: whether each history is enough, and everything found in it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from rich.console import Console

from loyalty_core.ml.tasks import TASKS, title_of
from loyalty_core.ml.training import Readiness, read_readiness
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.history import HistoryMissing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.ml.training import TrainingOptions
    from loyalty_core.settings import Settings

CANNOT_TRAIN = 5


def check(settings: Settings, options: Mapping[str, TrainingOptions]) -> int:
    """Print what is found in the history of each of these models; 0 where one of them can be trained."""
    out = Console(highlight=False, soft_wrap=True)
    can_train = False
    with closing(Warehouse(settings)) as warehouse:
        for name, own in options.items():
            try:
                found = read_readiness(warehouse, TASKS[name], own.since, own.until)
            except HistoryMissing as error:
                out.print(f"{title_of(name)}: not trained. {error.what}", markup=False)
                continue
            can_train = can_train or found.can_train
            _print(out, found)
    return 0 if can_train else CANNOT_TRAIN


def _print(out: Console, found: Readiness) -> None:
    state = "ready" if found.can_train else "not ready"
    rows = f"{found.source}: {found.rows:,} rows with a label"
    days = f", {found.first} to {found.last}" if found.first and found.last else ""
    out.print(f"{title_of(found.model)}: {state}. {rows}{days}.", markup=False)
    for finding in found.findings:
        out.print(f"- {finding.sentence} {finding.remedy}", markup=False)
