"""Scoring inside the warehouse: the same predictions as with LiteRT, on each database that can compute them."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.engines import shopdb, spark
from tests.ml.in_sql.cases import customers, require_the_same, settings_for, write_models

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.warehouse import Warehouse
    from tests.engines.engine import Engine, Place


@pytest.fixture(scope="module", params=[shopdb.ENGINE.row(), spark.ENGINE.row()])
def engine(request: pytest.FixtureRequest) -> Engine:
    return request.param


def test_every_value_gives_the_same_predictions(
    engine: Engine, place: Place, open_at: Callable[..., Warehouse], tmp_path: Path
):
    if engine.name != "spark" and not _has_exp():
        pytest.skip("SQLite was built without its mathematical functions")
    columns = zip(*customers(), strict=True)
    types = (pa.string(), pa.int32(), pa.int64(), pa.float64(), pa.string())
    names = ("customer_id", "days_ago", "purchases", "total_revenue", "tier")
    arrays = [pa.array(values, kind) for values, kind in zip(columns, types, strict=True)]
    pq.write_table(pa.table(arrays, names=list(names)), tmp_path / "customer_features_view.parquet")
    place.load(tmp_path)
    require_the_same(open_at(**settings_for("tier")), write_models(tmp_path / "models", "tier"))


def _has_exp() -> bool:
    try:
        sqlite3.connect(":memory:").execute("SELECT exp(1)")
    except sqlite3.OperationalError:
        return False
    return True
