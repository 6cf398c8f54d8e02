"""A bundle of tiny models and a small warehouse, for the tests of serving."""

from __future__ import annotations

import pickle
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from loyalty_core.ml.bundles import BundleParts, ModelPart, activate, read_scaler, write_bundle
from loyalty_core.ml.features import FeatureContract, InputFeature, make_reference
from loyalty_core.ml.inference import MLInferenceService
from loyalty_core.ml.litert.model import TfliteModel
from loyalty_core.settings import DEFAULT_FEATURE_MAPPING, Settings
from loyalty_core.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator

TINY_MODELS = Path(__file__).parent / "tiny_models"
GUIDE_CUSTOMER = "123e4567-e89b-12d3-a456-426614174000"
CUSTOMERS = 300
MEDIANS = {
    "revenue": 480.0,
    "transaction_count": 11.0,
    "days_since_last": 40.0,
    "avg_transaction_value": 42.0,
    "lifetime_value": 900.0,
}
CONTRACT = FeatureContract(tuple(InputFeature(name, "number", median) for name, median in MEDIANS.items()))
OFFERS = (1, 2, 3, 4, 5, 6, 7, 8)


def tiny_model(name: str) -> bytes:
    return (TINY_MODELS / f"{name}.tflite").read_bytes()


def training_rows(rows: int = 64, seed: int = 0) -> np.ndarray[Any, Any]:
    """Encoded and unscaled, like customers of the warehouse below."""
    spread = np.random.default_rng(seed).lognormal(0.0, 0.6, (rows, len(MEDIANS)))
    return (spread * list(MEDIANS.values())).astype(np.float32)


@cache
def pickled_scaler(seed: int = 0) -> bytes:
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415 -- loaded by tests that use it, not by all of them

    return pickle.dumps(StandardScaler().fit(training_rows(500, seed)), protocol=4)


def model_part(model: str, offers: tuple[int, ...] = (), scaler: bytes | None = None) -> ModelPart:
    """A tiny model with golden rows of its own."""
    inputs, outputs = golden_rows(model, scaler or pickled_scaler())
    return ModelPart(
        tflite=tiny_model(model),
        golden_inputs=inputs.copy(),
        golden_outputs=outputs.copy(),
        trained_at=datetime(2026, 11, 22, 14, 0, tzinfo=UTC),
        metrics={"auc": 0.81},
        rows={"train": 700, "validation": 150, "test": 150},
        window={"from": "2026-01-01", "to": "2026-10-31"},
        options={"epochs": 20},
        offers=offers,
    )


@cache
def golden_rows(model: str, scaler: bytes) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    inputs = training_rows(16, seed=9)
    return inputs, TfliteModel(tiny_model(model)).predict(read_scaler(scaler).transform(inputs))


def bundle_parts(churn: str = "churn", nbo: str = "nbo") -> BundleParts:
    return BundleParts(
        contract=CONTRACT,
        scaler=pickled_scaler(),
        models={"churn": model_part(churn), "nbo": model_part(nbo, OFFERS)},
        background=training_rows(),
        feature_mapping=dict(DEFAULT_FEATURE_MAPPING),
        trained_by="test",
        libraries={"numpy": np.__version__},
    )


def with_reference(parts: BundleParts, warehouse: Warehouse) -> BundleParts:
    """The parts with what the view is like at this moment, 200 rows of offers taken, and a churn model of the base."""
    columns = training_rows(200).astype(np.float64).T
    rows = pa.table(dict(zip(CONTRACT.names, columns, strict=True)))
    reference = make_reference(warehouse, CONTRACT, dict.fromkeys(parts.models, rows), {})
    learned = {**reference.training, "churn": reference.base} if reference.base else reference.training
    return replace(parts, reference=replace(reference, training=learned).to_json())


def other_parts() -> BundleParts:
    """Answers differently from `bundle_parts()`."""
    return bundle_parts("other_churn", "other_nbo")


def without_nbo() -> BundleParts:
    parts = bundle_parts()
    return replace(parts, models={"churn": parts.models["churn"]})


def make_warehouse(path: Path, rename: dict[str, str] | None = None) -> None:
    """A features view of 300 customers; the last two have blanks."""
    columns = {
        "total_revenue": "CAST(100 + 7.31 * i AS DOUBLE)",
        "transaction_count": "1 + (i * 7) % 40",
        "last_purchase_days_ago": "(i * 13) % 200",
        "avg_transaction_value": "CAST(20 + i % 50 AS DOUBLE)",
        "lifetime_value": "CAST(200 + 11 * i AS DECIMAL(12, 2))",
        "is_member": "i % 2 = 0",
    }
    named = ", ".join(f'{sql} AS "{(rename or {}).get(name, name)}"' for name, sql in columns.items())
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"""
            CREATE TABLE customer_features_view AS
            SELECT CASE WHEN i = 0 THEN '{GUIDE_CUSTOMER}' ELSE 'c' || i END AS customer_id, {named}
            FROM range({CUSTOMERS}) numbers(i)
        """)
        if not rename:
            connection.execute("""
                UPDATE customer_features_view SET total_revenue = NULL, lifetime_value = NULL
                WHERE customer_id = 'c298';
                UPDATE customer_features_view SET avg_transaction_value = 'NaN' WHERE customer_id = 'c299';
            """)


@pytest.fixture(scope="session")
def written_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with one active version, to be copied."""
    folder = tmp_path_factory.mktemp("written") / "models"
    activate(folder, write_bundle(folder, bundle_parts()), by="test")
    return folder


@pytest.fixture
def models_dir(written_models: Path, tmp_path: Path) -> Path:
    """A models folder with one active version."""
    return shutil.copytree(written_models, tmp_path / "models", symlinks=True)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    make_warehouse(tmp_path / "warehouse.duckdb")
    return Settings(dwh_url=f"duckdb:///{tmp_path}/warehouse.duckdb", models_dir=tmp_path / "models")


@pytest.fixture
def service(settings: Settings, models_dir: Path) -> Iterator[MLInferenceService]:
    warehouse = Warehouse(settings)
    yield MLInferenceService(warehouse=warehouse)
    warehouse.close()
