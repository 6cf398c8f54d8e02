"""The histories of the simulated programme, as data sets."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.quality.data_set import DataSet
from loyalty_core.demo.generate import MAPPING, generate
from loyalty_core.ml.tasks import CHURN, NBO
from loyalty_core.ml.training import TrainingOptions
from loyalty_core.ml.training.preparation import prepare
from loyalty_core.settings import Settings, recommend_mapping
from loyalty_core.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator

CUSTOMERS = 2_000
_ROWS = 8_000


def demo_sets() -> Iterator[DataSet]:
    """Churn and offers of 2,000 simulated customers; 8,000 rows at most, those of a customer in one part."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "demo.duckdb"
        generate(file, CUSTOMERS)
        recommend_mapping(file, MAPPING)
        with closing(Warehouse(Settings(dwh_url=f"duckdb:///{file}"))) as warehouse:
            found = [prepare(warehouse, task, replace(TrainingOptions(), most_rows=_ROWS)) for task in (CHURN, NBO)]
    for name, prepared in zip(("demo churn", "demo offers"), found, strict=True):
        about = f"the demo warehouse of {CUSTOMERS:,} customers, its newest rows"
        yield DataSet(name, about, prepared.history.features, prepared.labels.classes, prepared.groups)
