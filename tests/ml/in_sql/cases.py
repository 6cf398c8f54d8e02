"""Values that are read with care, networks of every operation, and the comparison of two runs on them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.ml.bundles import Bundle, activate, load_bundle, write_bundle
from loyalty_core.ml.features import FeatureContract, InputFeature
from loyalty_core.ml.scoring import score_base
from tests.ml.bases import predictions
from tests.ml.fixtures import bundle_parts, model_part

if TYPE_CHECKING:
    from pathlib import Path

    from loyalty_core.warehouse import Warehouse

HOSTILE = "'; DROP TABLE customer_features_view; --"
STRANGE = 'Größe \\ "100 %" :id {0} $$'
CONTRACT = FeatureContract(
    (
        InputFeature("revenue", "number", 480.0, flags_blanks=True),
        InputFeature("tier", "text", categories=(HOSTILE, STRANGE)),
    )
)
INFINITY = math.inf
REVENUES = (*(1.5 * 10.0**power for power in range(-3, 9)), 0.0, -25.75, None, math.nan, INFINITY, -INFINITY)
REVENUES += (1e300, -1e300, 2e30, -3e38, 1e12)
TIERS = (HOSTILE, STRANGE, HOSTILE.lower(), "", None, "other", STRANGE + " ")
# customer, days since the last purchase, purchases, revenue, tier
Row = tuple[str | None, int, int, float | None, str | None]


def settings_for(tier: str) -> dict[str, Any]:
    """The settings that read the tier from the column of that name."""
    return {
        "ml_feature_mapping": {"revenue": "total_revenue", "tier": tier},
        "ml_model_input_size": 2,
        "rfm_columns": {"recency": "days_ago", "frequency": "purchases", "monetary": "total_revenue"},
    }


def customers() -> list[Row]:
    """Every revenue with every tier, and a row without an id."""
    every = [(revenue, tier) for revenue in REVENUES for tier in TIERS]
    named: list[Row] = [(f"c{place}", place % 50, place % 7, *values) for place, values in enumerate(every)]
    return [*named, (None, 1, 1, 1.0, "other")]


def write_models(models_dir: Path, tier: str) -> Bundle:
    """Three models that read the revenue and the tier, active."""
    models = {
        "churn": model_part("churn"),
        "churn_timing": model_part("pieces_churn_timing"),
        "nbo": model_part("pieces_nbo", (3, 5, 8, 9)),
    }
    mapping = settings_for(tier)["ml_feature_mapping"]
    parts = replace(bundle_parts(), contract=CONTRACT, models=models, feature_mapping=mapping)
    activate(models_dir, write_bundle(models_dir, parts), by="test")
    return load_bundle(models_dir)


def require_the_same(warehouse: Warehouse, bundle: Bundle) -> None:
    """Score with LiteRT and inside the warehouse; fail unless everything that a run writes and reports is the same."""
    with_litert = score_base(warehouse, bundle)
    warehouse.forget()
    expected = predictions(warehouse)
    in_sql = score_base(warehouse, bundle, in_warehouse=True)
    warehouse.forget()
    found = predictions(warehouse)
    assert {row["scored_at"].replace(tzinfo=None) for row in found.values()} == {in_sql.scored_at.replace(tzinfo=None)}
    assert (in_sql.customers, in_sql.failed, in_sql.blanks, in_sql.arms) == (
        (with_litert.customers, with_litert.failed, with_litert.blanks, with_litert.arms)
    )
    assert in_sql.failed == {
        "The customer id is blank.": 1,
        "total_revenue holds a number beyond 1e+30.": 2 * len(TIERS),
    }
    remark = next(one for one in in_sql.remarks if one.startswith("Computed by the warehouse"))
    assert f"in a sample of {len(expected)} customers" in remark
    assert found.keys() == expected.keys()
    for customer, row in found.items():
        assert list(row) == list(expected[customer])
        del row["scored_at"], row["data_state"]  # both are another after the first run
        assert row == pytest.approx({name: expected[customer][name] for name in row}, abs=1e-5), customer
    assert len({row["churn_probability"] for row in found.values()}) > 20
    assert {row["recommended_offer"] for row in found.values()} == {None, 5, 9}
