"""Scoring inside the warehouse gives what scoring with LiteRT gives, or refuses and replaces nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from loyalty_core.ml.bundles import Bundle, Experiment, activate, load_bundle, write_bundle
from loyalty_core.ml.features import FeatureContract, InputFeature
from loyalty_core.ml.in_sql import NotInSql
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.scoring.in_warehouse import largest_difference
from loyalty_core.ml.serving import Challenger, ServedModels
from loyalty_core.ml.serving.mock import MockModels
from tests.ml.bases import fill, predictions
from tests.ml.fixtures import bundle_parts, model_part

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

    Open = Callable[..., Warehouse]

HOSTILE = "'; DROP TABLE customer_features_view; --"
STRANGE = 'Größe \\ "100 %" :id {0} $$'
MAPPING = {"revenue": "total_revenue", "tier": 'ti"er %s'}
CONTRACT = FeatureContract(
    (
        InputFeature("revenue", "number", 480.0, flags_blanks=True),
        InputFeature("tier", "text", categories=(HOSTILE, STRANGE)),
    )
)
COLUMNS = (
    'customer_id varchar(40), days_ago integer, purchases bigint, total_revenue double precision, "ti""er %s" text'
)
INFINITY = math.inf
REVENUES = (*(1.5 * 10.0**power for power in range(-3, 9)), 0.0, -25.75, None, math.nan, INFINITY, -INFINITY)
REVENUES += (1e300, -1e300, 2e30, -3e38, 1e12)
TIERS = (HOSTILE, STRANGE, HOSTILE.lower(), "", None, "other", STRANGE + " ")
SETTINGS: dict[str, Any] = {
    "ml_feature_mapping": MAPPING,
    "ml_model_input_size": 2,
    "rfm_columns": {"recency": "days_ago", "frequency": "purchases", "monetary": "total_revenue"},
}


def rows() -> list[tuple[Any, ...]]:
    """Every revenue with every tier, and a row without an id."""
    every = [(revenue, tier) for revenue in REVENUES for tier in TIERS]
    named = [
        (f"c{place}", place % 50, place % 7, revenue, None if tier is None else tier.replace("'", "''"))
        for place, (revenue, tier) in enumerate(every)
    ]
    return [*named, (None, 1, 1, 1.0, "other")]


@pytest.fixture
def bundle(models_dir: Path) -> Bundle:
    models = {
        "churn": model_part("churn"),
        "churn_timing": model_part("pieces_churn_timing"),
        "nbo": model_part("pieces_nbo", (3, 5, 8, 9)),
    }
    parts = replace(bundle_parts(), contract=CONTRACT, models=models, feature_mapping=MAPPING)
    activate(models_dir, write_bundle(models_dir, parts), by="test")
    return load_bundle(models_dir)


@pytest.fixture
def warehouse(backend: Backend, open_warehouse: Open) -> Warehouse:
    fill(backend, rows(), COLUMNS)
    return open_warehouse(backend.url, **SETTINGS)


def test_every_value_gives_the_same_predictions(warehouse: Warehouse, bundle: Bundle) -> None:
    with_litert = score_base(warehouse, bundle)
    expected = predictions(warehouse)
    in_sql = score_base(warehouse, bundle, in_warehouse=True)
    warehouse.forget()
    found = predictions(warehouse)
    assert {row["scored_at"] for row in found.values()} == {in_sql.scored_at}
    assert (in_sql.customers, in_sql.failed, in_sql.blanks, in_sql.arms) == (
        (with_litert.customers, with_litert.failed, with_litert.blanks, with_litert.arms)
    )
    assert in_sql.failed == {
        "The customer id is blank.": 1,
        "total_revenue holds a number beyond 1e+30.": 2 * len(TIERS),
    }
    assert in_sql.remarks[0].startswith(f"Computed by the warehouse: in a sample of {len(expected)} customers, no ")
    assert found.keys() == expected.keys()
    for customer, row in found.items():
        assert list(row) == list(expected[customer])
        del row["scored_at"]
        assert row == pytest.approx({name: expected[customer][name] for name in row}, abs=1e-5, nan_ok=False), customer
    assert len({row["churn_probability"] for row in found.values()}) > 20
    assert {row["recommended_offer"] for row in found.values()} == {None, 5, 9}


class OtherBundle(Bundle):
    """Answers otherwise than its networks."""

    def scores(self, name: str, encoded: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return super().scores(name, encoded) * np.float32(0.9999)


def test_what_the_warehouse_cannot_compute_is_refused_and_replaces_nothing(
    duckdb_file: Backend, open_warehouse: Open, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(duckdb_file, [(*row, "1.5") for row in rows()], f"{COLUMNS}, revenue_as_text text")
    warehouse = open_warehouse(duckdb_file.url, **SETTINGS)
    with_text = MAPPING | {"revenue": "revenue_as_text"}
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
