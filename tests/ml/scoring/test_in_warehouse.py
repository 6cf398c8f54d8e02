"""Scoring inside the warehouse gives what scoring with LiteRT gives, or refuses and replaces nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from loyalty_core.ml.bundles import Bundle, Experiment
from loyalty_core.ml.in_sql import NotInSql
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.scoring.in_warehouse import largest_difference
from loyalty_core.ml.serving import Challenger, ServedModels
from loyalty_core.ml.serving.mock import MockModels
from tests.ml.bases import fill, predictions
from tests.ml.in_sql.cases import customers, require_the_same, settings_for, write_models

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

    Open = Callable[..., Warehouse]

TIER = 'ti"er %s'
COLUMNS = (
    'customer_id varchar(40), days_ago integer, purchases bigint, total_revenue double precision, "ti""er %s" text'
)
SETTINGS = settings_for(TIER)


def rows() -> list[tuple[Any, ...]]:
    """The customers, with their texts as they are within quotes."""
    return [(*row[:-1], row[-1] and row[-1].replace("'", "''")) for row in customers()]


@pytest.fixture
def bundle(models_dir: Path) -> Bundle:
    return write_models(models_dir, TIER)


def test_every_value_gives_the_same_predictions(backend: Backend, open_warehouse: Open, bundle: Bundle) -> None:
    fill(backend, rows(), COLUMNS)
    require_the_same(open_warehouse(backend.url, **SETTINGS), bundle)


class OtherBundle(Bundle):
    """Answers otherwise than its networks."""

    def scores(self, name: str, encoded: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return super().scores(name, encoded) * np.float32(0.9999)


def test_what_the_warehouse_cannot_compute_is_refused_and_replaces_nothing(
    duckdb_file: Backend, open_warehouse: Open, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(duckdb_file, [(*row, "1.5") for row in rows()], f"{COLUMNS}, revenue_as_text text")
    warehouse = open_warehouse(duckdb_file.url, **SETTINGS)
    with_text = SETTINGS["ml_feature_mapping"] | {"revenue": "revenue_as_text"}
    reads_text = open_warehouse(duckdb_file.url, **SETTINGS | {"ml_feature_mapping": with_text})
    mock = MockModels({"revenue": "number", "tier": "text"})
    at = "2026-11-01T00:00:00+00:00"
    experiment = Experiment(bundle.version, bundle.version, "", 0.5, "salt", at, "test", at)
    arms = ServedModels(bundle, Challenger(bundle, experiment))
    before = score_base(warehouse, bundle).scored_at

    def refusal(where: Warehouse, models: Any) -> str:
        with pytest.raises(NotInSql) as refused:
            score_base(where, models, in_warehouse=True)
        assert refused.value.remedy.startswith("Score without --in-warehouse")
        return str(refused.value)

    other = refusal(warehouse, OtherBundle(**vars(bundle)))
    assert "another churn probability than LiteRT. They differ by up to 0.0001" in other
    assert "An A/B test is running" in refusal(warehouse, arms)
    assert "Mock predictions are not made by a network" in refusal(warehouse, mock)
    assert "The column revenue_as_text has the type" in refusal(reads_text, bundle)
    monkeypatch.setattr(type(warehouse.dialect), "single", lambda _dialect, number: f"no_such_function({number})")
    assert "no_such_function" in refusal(warehouse, bundle)
    monkeypatch.setattr(type(warehouse.dialect), "computes_networks", False)
    assert "DuckDB cannot compute models" in refusal(warehouse, bundle)
    warehouse.forget()
    assert {row["scored_at"] for row in predictions(warehouse).values()} == {before}


@pytest.mark.parametrize(
    ("column", "value"), [("churn_probability", 0.50002), ("churn_probability", None), ("rfm_segment", "Lost")]
)
def test_one_value_that_differs_is_enough(column: str, value: Any) -> None:
    scored = {"customer_id": ["a", "b"], "churn_probability": [0.1, 0.5], "churn_risk": ["low", "low"]}
    scored["rfm_segment"] = ["New", "Loyal"]
    near = scored | {"churn_probability": [0.1, 0.500004], "churn_risk": ["low", "medium"]}
    expected = pa.record_batch(scored)
    assert largest_difference(expected, pa.table(near)) == pytest.approx(4e-6)
    with pytest.raises(NotInSql, match=f"another {column.replace('_', ' ')} than LiteRT"):
        largest_difference(expected, pa.table(near | {column: [scored[column][0], value]}))
